"""What web and workers keep about each other in the key-value store that they share."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PRESENCE_KEY = "web/alive"
_SECONDS_BETWEEN_SIGNS = 60.0
_SECONDS_OF_A_SIGN = 180.0


@dataclass(frozen=True)
class JobKeys:
    """The keys of one job's values."""

    job_id: str

    @property
    def call(self) -> str:
        """The call that was spawned for the job."""
        return f"{self.job_id}/call"

    @property
    def progress(self) -> str:
        """The last update of its run, as JSON."""
        return f"{self.job_id}/progress"

    @property
    def attempts(self) -> str:
        """How often its run was started, and the seconds of the runs that were lost; see `Attempts`."""
        return f"{self.job_id}/attempts"

    @property
    def cancelled(self) -> str:
        """Present once the run should end."""
        return f"{self.job_id}/cancelled"


@dataclass(frozen=True)
class Attempts:
    """How often a job's run was started.

    Attributes:
        count: Number of starts.
        lost_seconds: GPU seconds of the runs that stopped without an end, as far as they reported them.
    """

    count: int = 0
    lost_seconds: float = 0.0

    @classmethod
    def read(cls, value: str | None) -> "Attempts":
        """Parse the stored value; earlier versions stored the count alone."""
        count, _, seconds = (value or "0").partition(" ")
        return cls(int(count), float(seconds or 0))

    def __str__(self) -> str:
        """Return the value to store."""
        return f"{self.count} {self.lost_seconds:.1f}"


def announce_presence(write_value: Callable[[str, str], None], seconds: float = _SECONDS_BETWEEN_SIGNS) -> None:
    """Write regularly, as long as this process lives, that the web container is running."""

    def announce() -> None:
        pause = threading.Event()
        while True:
            write_value(PRESENCE_KEY, str(time.time()))
            pause.wait(seconds)

    threading.Thread(target=announce, daemon=True).start()


def is_present(value: str | None) -> bool:
    """Whether the web container was running lately: then its jobs are its own to change, since it has them in memory.

    Args:
        value: What is stored under `PRESENCE_KEY`.
    """
    return value is not None and time.time() - float(value) < _SECONDS_OF_A_SIGN
