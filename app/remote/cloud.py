"""What the runner needs from the place where the GPU is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.errors import AppError
from app.jobs import RunEnd


class RunLostError(AppError):
    """The run ended without a result: it could not be started, or crashed for good."""


class RunTimeoutError(RunLostError):
    """The run was stopped because it took too long."""


class RunExpiredError(RunLostError):
    """The run ended so long ago that its result is gone."""


@dataclass(frozen=True)
class ResultPayload:
    """What a run returns.

    Attributes:
        end: How it ended.
        video: The mp4; only with `done`.
        poster: A still picture of the video, JPEG; only with `done`.
    """

    end: RunEnd
    video: bytes = b""
    poster: bytes = b""


class Cloud(Protocol):
    """Starts runs elsewhere, and follows them."""

    async def save_files(self) -> None:
        """Commit what was written to the jobs' folders, so that others see it and it survives."""
        ...

    async def spawn(self, job_id: str) -> str:
        """Start the run of a job, and return the call's id."""
        ...

    async def poll(self, call_id: str) -> ResultPayload | None:
        """Return the run's result; None until it has ended.

        Raises:
            RunLostError: It ended without a result.
        """
        ...

    async def stop(self, call_id: str) -> None:
        """Stop the run now, or take it out of the queue."""
        ...

    async def read_value(self, key: str) -> str | None:
        """Return the value of a key in the shared store; None if it has none."""
        ...

    async def write_value(self, key: str, value: str) -> None:
        """Set the value of a key in the shared store."""
        ...

    async def delete_value(self, key: str) -> None:
        """Delete a key from the shared store, if it is there."""
        ...

    async def read_notes(self) -> Mapping[str, str]:
        """Return the live notes of all runs (`app.remote.store.is_live`) at once."""
        ...
