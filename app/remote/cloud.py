"""What the runner needs of the place where the GPU is."""

from dataclasses import dataclass
from typing import Protocol

from app.errors import AppError
from app.jobs import RunEnd


class RunLostError(AppError):
    """The run ended without saying how: it could not be started, or crashed for good."""


class RunTimeoutError(RunLostError):
    """The run was ended because it took too long."""


class RunExpiredError(RunLostError):
    """The run has ended so long ago that its answer is gone."""


@dataclass(frozen=True)
class Delivery:
    """What a run hands back.

    Attributes:
        end: How it ended.
        video: The mp4; only with `done`.
        poster: A still picture of it, JPEG; only with `done`.
    """

    end: RunEnd
    video: bytes = b""
    poster: bytes = b""


class Cloud(Protocol):
    """Starts runs elsewhere, and knows what becomes of them."""

    async def save_files(self) -> None:
        """Make what was written to the jobs' folders visible elsewhere, and lasting."""
        ...

    async def spawn(self, job_id: str) -> str:
        """Begin the run of a job, and return the call's id."""
        ...

    async def poll(self, call_id: str) -> Delivery | None:
        """Return what the run handed back; None while it is not over.

        Raises:
            RunLostError: It ended without handing anything back.
        """
        ...

    async def stop(self, call_id: str) -> None:
        """End the run now, or take it out of the queue."""
        ...

    async def read_note(self, key: str) -> str | None:
        """Return what was noted under the key, by anyone."""
        ...

    async def write_note(self, key: str, note: str) -> None:
        """Note something for everyone."""
        ...
