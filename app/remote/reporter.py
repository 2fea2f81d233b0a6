"""What a run tells while it goes on, and what ends it before its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.jobs import RunUpdate
from app.jobs.messages import EVENTS
from pipeline.errors import GenerationCancelledError
from pipeline.types import Progress

_SECONDS_BETWEEN_NOTES = 1.0


@dataclass(frozen=True)
class RunNotes:
    """Where the notes of one run are.

    Attributes:
        write: Notes how far it is, for everyone.
        is_cancelled: Says whether someone asked it to end.
    """

    write: Callable[[str], None]
    is_cancelled: Callable[[], bool]


class RemoteReporter:
    """Notes progress, not too often; raises once the job is cancelled, or out of time before its last step is made.

    Attributes:
        started_at: When the run began.
        is_late: It was ended because it was out of time.
    """

    def __init__(self, notes: RunNotes, limit_seconds: float) -> None:
        """Begin to count the seconds."""
        self.started_at = datetime.now(UTC)
        self.is_late = False
        self._notes = notes
        self._limit_seconds = limit_seconds
        self._started = time.monotonic()
        self._noted_at = -_SECONDS_BETWEEN_NOTES
        self._stage = ""

    @property
    def seconds(self) -> float:
        """How long the run has gone on."""
        return time.monotonic() - self._started

    def __call__(self, progress: Progress) -> None:
        """Take progress.

        Raises:
            GenerationCancelledError: The run has to end.
        """
        if self.seconds > self._limit_seconds and not progress.is_ending:
            self.is_late = True
            raise GenerationCancelledError("The run is out of time.")
        now = time.monotonic()
        if progress.stage == self._stage and now - self._noted_at < _SECONDS_BETWEEN_NOTES:
            return
        self._stage, self._noted_at = progress.stage, now
        update = RunUpdate(progress, started_at=self.started_at, seconds=self.seconds)
        self._notes.write(EVENTS.dump_json(update).decode())
        if self._notes.is_cancelled():
            raise GenerationCancelledError("The job was cancelled.")
