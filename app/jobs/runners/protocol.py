"""The protocol of what runs jobs, on this machine or on a GPU elsewhere, and how the end of a run is kept."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import TypeAdapter

from app.records import GpuCost, JobResult
from app.storage import JobFolder, write_whole
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.profiles import Model, Profile
from pipeline.types import Progress


@dataclass(frozen=True)
class RunUpdate:
    """A run has made progress.

    Attributes:
        progress: How far it is.
        num_live_segments: How many segments in the job's folder can be watched.
        started_at: When the run started, if that was later than the runner was asked to start it.
        seconds: How long it has been running since then, if the run reports it.
    """

    progress: Progress
    num_live_segments: int = 0
    started_at: datetime | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class RunEnd:
    """A run has ended.

    Attributes:
        status: How it ended.
        result: Facts about the video, which is then in the job's folder; only with `done`.
        error: Why there is no video; only with `failed`.
        started_at: When the run started, if only the run itself knows.
        finished_at: When it ended, if that was before this server learned of it.
        cost: The GPU time to be paid for, however the run ended.
    """

    status: Literal["done", "failed", "cancelled"]
    result: JobResult | None = None
    error: Notice | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cost: GpuCost | None = None


@dataclass(frozen=True)
class RunLost:
    """A run stopped without reporting an end, and the job is not known to be at fault: it may be run again.

    Attributes:
        error: What happened, shown if the job is not run again.
    """

    error: Notice


EVENTS: TypeAdapter[RunUpdate | RunEnd] = TypeAdapter(RunUpdate | RunEnd)
"""What a run reports, as JSON."""


class JobRunner(Protocol):
    """Runs jobs, each from its folder, in a place where a crash cannot hurt the server.

    Attributes:
        capacity: How many jobs may be handed over to it at a time.
        num_parallel: How many of those run at a time.
        durable: Runs outlive this server, and a later server finds them again by their handles. Such a run may wait
            before it starts; its first update says that it has. Runs that are not durable start at once and end with
            the server, and the next server starts them afresh.
    """

    @property
    def capacity(self) -> int: ...  # noqa: D102 - described above

    @property
    def num_parallel(self) -> int: ...  # noqa: D102 - described above

    @property
    def durable(self) -> bool: ...  # noqa: D102 - described above

    def serves(self, model: Model) -> bool:
        """Say whether jobs of the model are meant for it, available or not."""
        ...

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run. Must be quick."""
        ...

    async def persist(self, folder: JobFolder) -> None:
        """Make sure that the job's files survive the loss of this server's machine, before the job is accepted."""
        ...

    async def start(self, folder: JobFolder) -> str:
        """Start the run of the job in the folder.

        Returns:
            The run's handle, which is kept with the job.
        """
        ...

    def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd | RunLost]:
        """Yield updates, then one end or loss. The handle may be one that an earlier server was given."""
        ...

    async def cancel(self, handle: str) -> None:
        """Ask the run to end soon; its events then end. Does nothing if it has ended already."""
        ...

    async def close(self) -> None:
        """Release everything that this server holds."""
        ...


def read_end(folder: JobFolder) -> RunEnd | None:
    """Return how the job's run ended; None if none has."""
    try:
        end = EVENTS.validate_json(folder.end.read_bytes())
    except (OSError, ValueError):
        return None
    return end if isinstance(end, RunEnd) else None


def write_end(folder: JobFolder, end: RunEnd) -> None:
    """Write how the run ended beside its video. Write the video first: the file says that it is complete."""
    write_whole(folder.end, EVENTS.dump_json(end).decode())


def find_unreported_end(folder: JobFolder) -> RunEnd | None:
    """Return the end of a run that finished its video but could not report it; None if there is no such video."""
    end = read_end(folder)
    return end if end is not None and end.status == "done" and folder.has_video else None
