"""A job in memory."""

import asyncio
from dataclasses import dataclass, field

from app.records import JobRecord
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
