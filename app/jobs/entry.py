"""A job in memory."""

import asyncio
from dataclasses import dataclass, field

from app.records import JobRecord
from pipeline.types import Progress


@dataclass(eq=False)
class Entry:
    """A job in memory.

    Attributes:
        client: Who asked for it; "" where an earlier server took it, since that is not written down.
        is_kept: The record is on the disk as it is here.
        begun_at: When its run began, by a clock that nobody sets; None where it has not.
        added_at: When it began to wait, by the same clock.
    """

    record: JobRecord
    client: str = ""
    added_at: float = 0.0
    is_kept: bool = True
    begun_at: float | None = None
    progress: Progress | None = None
    num_live_clips: int = 0
    handle: str | None = None
    is_cancelled: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        """Wake everyone who follows the job."""
        told, self.changed = self.changed, asyncio.Event()
        told.set()

    def rewind(self) -> None:
        """Forget its run, which has to begin again."""
        self.progress = self.handle = self.begun_at = None
        self.num_live_clips = 0
