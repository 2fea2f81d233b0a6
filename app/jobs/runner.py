"""The protocol of what runs jobs: processes on this machine, or a GPU elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from app.records import GpuCost, JobResult
from app.storage import JobFolder
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.profiles import Profile
from pipeline.types import Progress


@dataclass(frozen=True)
class RunUpdate:
    """A run has moved on.

    Attributes:
        progress: How far it is.
        num_live_clips: Clips in the job's folder that can be watched.
        started_at: When it began, where that was later than it was asked to.
        seconds: How long it has gone on since, where it tells.
    """

    progress: Progress
    num_live_clips: int = 0
    started_at: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class RunEnd:
    """A run has ended.

    Attributes:
        status: How.
        result: What is known of the video; only with `done`, and then the video is in the job's folder.
        error: Why there is none; only with `failed`.
        started_at: When the run began, where only the run itself knows.
        finished_at: When it ended, where that was earlier than this server hears of it.
        cost: What it took of a GPU that is paid for, however it ended.
    """

    status: Literal["done", "failed", "cancelled"]
    result: JobResult | None = None
    error: Notice | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cost: GpuCost | None = None


@dataclass(frozen=True)
class RunLost:
    """A run has ended without saying how, through no fault that is known of the job's: it may be begun again.

    Attributes:
        error: What happened, to be said if it is not begun again.
    """

    error: Notice


class JobRunner(Protocol):
    """Runs jobs, each from its folder, somewhere that their crashes do not hurt the server.

    Attributes:
        capacity: How many jobs are handed over to it at the same time.
        num_parallel: How many of those run at the same time.
        is_lasting: A run goes on when this server ends, and its handle finds it again; it may wait before it begins,
            and its first update tells that it has begun. Otherwise a run begins at once and ends with the server, and
            the next server begins it anew.
    """

    @property
    def capacity(self) -> int: ...  # noqa: D102 - told above

    @property
    def num_parallel(self) -> int: ...  # noqa: D102 - told above

    @property
    def is_lasting(self) -> bool: ...  # noqa: D102 - told above

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run, quickly."""
        ...

    async def keep(self, folder: JobFolder) -> None:
        """Make sure that the job's files outlive this server's machine, before the job is promised."""
        ...

    async def start(self, folder: JobFolder) -> str:
        """Begin the run of the job in the folder.

        Returns:
            The run's handle, which is kept with the job.
        """
        ...

    def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd | RunLost]:
        """Yield updates and then one end or loss, also for a handle that an earlier server was given."""
        ...

    async def cancel(self, handle: str) -> None:
        """Ask the run to end soon; its events then end. Does nothing where it has ended."""
        ...

    async def close(self) -> None:
        """Let go of everything that this server holds."""
        ...
