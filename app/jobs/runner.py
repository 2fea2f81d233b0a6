"""The protocol of what runs jobs: processes on this machine, or a GPU elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

from app.records import JobResult
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
    """

    progress: Progress
    num_live_clips: int = 0


@dataclass(frozen=True)
class RunEnd:
    """A run has ended.

    Attributes:
        status: How.
        result: What is known of the video; only with `done`, and then the video is in the job's folder.
        error: Why there is none; only with `failed`.
    """

    status: Literal["done", "failed", "cancelled"]
    result: JobResult | None = None
    error: Notice | None = None


class JobRunner(Protocol):
    """Runs jobs, each from its folder, somewhere that their crashes do not hurt the server.

    Attributes:
        capacity: How many jobs run at the same time.
        is_lasting: A run goes on when this server ends, and its handle finds it again. Otherwise a run ends with the
            server, and the next server begins it anew.
    """

    @property
    def capacity(self) -> int: ...  # noqa: D102 - told above

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

    def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd]:
        """Yield updates and then one end, also for a handle that an earlier server was given."""
        ...

    async def cancel(self, handle: str) -> None:
        """Ask the run to end soon; its events then end. Does nothing where it has ended."""
        ...

    async def close(self) -> None:
        """Let go of everything that this server holds."""
        ...
