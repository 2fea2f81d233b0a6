"""Who wants to know what happens to jobs subscribes here; the service and its queues publish."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from app.jobs.job import Job, JobState
from app.records import ENDED

EventKind = Literal["accepted", "started", "progressed", "done", "failed", "cancelled", "deleted"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobEvent:
    """Something has happened to a job.

    Attributes:
        kind: What: a job that is lost and run again is `started` again; it is `done`, `failed` or `cancelled` once, and
            `deleted` once, when somebody deletes its files before they expire.
        job: The job afterwards.
        client: Who asked for it; "" if an earlier server accepted it.
    """

    kind: EventKind
    job: Job
    client: str

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended with this event."""
        return self.kind in ENDED


Listener = Callable[[JobEvent], None]
"""Called in the event loop, so it must be quick. What it raises is logged and hurts neither job nor other listeners.

A terminal event is published after the job's end has been recorded. A listener that must not miss one, even if the
server dies in between, can compare what it has seen with the records at the next start.
"""


class Listeners:
    """Passes on what happens to jobs.

    Args:
        describe: Returns the job as listeners see it. Called only if somebody listens: it costs a forecast.
    """

    def __init__(self, describe: Callable[[JobState], Job]) -> None:
        self._describe = describe
        self._by_kind: defaultdict[EventKind, list[Listener]] = defaultdict(list)

    def subscribe(self, listener: Listener, *kinds: EventKind) -> None:
        """Call the listener at each event of these kinds; with none given, at every event."""
        for kind in kinds or EVENT_KINDS:
            self._by_kind[kind].append(listener)

    def publish(self, kind: EventKind, state: JobState) -> None:
        """Tell the listeners what has happened to a job."""
        listeners = self._by_kind.get(kind)
        if not listeners:
            return
        event = JobEvent(kind, self._describe(state), state.client)
        for listener in listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's failure must not hurt the job
                _log.exception("job %.6s: a listener failed on '%s'", state.record.id, kind)
