"""Jobs in memory, and the lines in which they wait."""

import asyncio
from dataclasses import dataclass, field

from app.jobs.runner import JobRunner
from app.storage import JobRecord
from pipeline.types import Progress


@dataclass(eq=False)
class Entry:
    """A job in memory.

    Attributes:
        is_kept: The record is on the disk as it is here.
    """

    record: JobRecord
    is_kept: bool = True
    progress: Progress | None = None
    num_live_clips: int = 0
    handle: str | None = None
    is_cancelled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake everyone who follows the job."""
        told, self.changed = self.changed, asyncio.Event()
        told.set()


@dataclass(eq=False)
class Lane:
    """A runner and the jobs that wait for it."""

    runner: JobRunner
    waiting: list[Entry] = field(default_factory=list)
    running: dict[Entry, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def is_free(self) -> bool:
        """Whether one more job can run."""
        return len(self.running) < self.runner.capacity

    def find_position(self, entry: Entry) -> int | None:
        """Return the job's place in the queue, 1 is next; None where it does not wait."""
        return self.waiting.index(entry) + 1 if entry in self.waiting else None

    def tell_waiting(self) -> None:
        """Wake those who follow waiting jobs: their places have changed."""
        for entry in self.waiting:
            entry.tell()
