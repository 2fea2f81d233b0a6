"""How a run reports its progress, and how it is stopped before its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.jobs import RunUpdate
from app.jobs.runners.protocol import EVENTS
from pipeline.errors import GenerationCancelledError
from pipeline.types import Progress

_SECONDS_BETWEEN_UPDATES = 1.0


@dataclass(frozen=True)
class RunChannel:
    """The run's channel to whoever follows it.

    Attributes:
        publish: Publishes its progress.
        is_cancelled: Says whether someone has asked it to end.
    """

    publish: Callable[[str], None]
    is_cancelled: Callable[[], bool]


class RemoteReporter:
    """Publishes progress, though not too often; raises once the job is cancelled, or out of time before its last step.

    Attributes:
        started_at: When the run started.
        is_late: Whether it was stopped because it was out of time.
    """

    def __init__(self, channel: RunChannel, limit_seconds: float) -> None:
        """Start the clock."""
        self.started_at = datetime.now(UTC)
        self.is_late = False
        self._channel = channel
        self._limit_seconds = limit_seconds
        self._started = time.monotonic()
        self._published_at = -_SECONDS_BETWEEN_UPDATES
        self._stage = ""

    @property
    def seconds(self) -> float:
        """How long the run has been going on."""
        return time.monotonic() - self._started

    def __call__(self, progress: Progress) -> None:
        """Take progress.

        Raises:
            GenerationCancelledError: The run has to stop.
        """
        if self.seconds > self._limit_seconds and not progress.is_ending:
            self.is_late = True
            raise GenerationCancelledError("The run is out of time.")
        now = time.monotonic()
        if progress.stage == self._stage and now - self._published_at < _SECONDS_BETWEEN_UPDATES:
            return
        self._stage, self._published_at = progress.stage, now
        update = RunUpdate(progress, started_at=self.started_at, seconds=self.seconds)
        self._channel.publish(EVENTS.dump_json(update).decode())
        if self._channel.is_cancelled():
            raise GenerationCancelledError("The job was cancelled.")
