"""What web and workers keep about each other in the key-value store that they share."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PRESENCE_KEY = "web/alive"
KEPT_KEY = "web/kept"
"""Present while the web container is kept running for jobs that nobody visits."""
OWNER_KEY = "web/owner"
"""Names the web container that was started last."""
KEY_CHANGES = "keys/changes"
"""What commands have changed of the keys lately, as JSON: a live note, which the web takes within a second or two."""
_SECONDS_BETWEEN_SIGNS = 60.0
_SECONDS_OF_A_SIGN = 180.0
_log = logging.getLogger(__name__)


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
        """The last update of its run, or its end, as JSON: a live note."""
        return f"{self.job_id}/progress"

    @property
    def attempts(self) -> str:
        """How often its run was started, and what of these starts came to nothing; see `Attempts`."""
        return f"{self.job_id}/attempts"

    @property
    def cancelled(self) -> str:
        """Present once the run should end."""
        return f"{self.job_id}/cancelled"


def is_live(key: str) -> bool:
    """Whether this is a live note: they are kept apart from all else, since all of them are read once a second."""
    return key.endswith("/progress") or key == KEY_CHANGES


@dataclass(frozen=True)
class Attempts:
    """How often a job's run was started.

    Attributes:
        count: Number of starts since a run has last got further than those before it.
        lost_seconds: GPU seconds of the runs that stopped without an end, as far as they reported them.
        num_clips: How many finished clips the last run began with.
    """

    count: int = 0
    lost_seconds: float = 0.0
    num_clips: int = 0

    @classmethod
    def read(cls, value: str | None) -> "Attempts":
        """Parse the stored value; earlier versions stored less."""
        count, seconds, num_clips, *_ = [*(value or "0").split(), "0", "0"]
        return cls(int(count), float(seconds), int(num_clips))

    def __str__(self) -> str:
        """Return the value to store."""
        return f"{self.count} {self.lost_seconds:.1f} {self.num_clips}"


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


def claim(read_value: Callable[[str], str | None], write_value: Callable[[str, str], None]) -> Callable[[], bool]:
    """Note that this web container is the one that counts; while another is replaced, two of them run.

    Returns:
        Says whether that is still so: no other has been started since.
    """
    token = secrets.token_hex(8)
    write_value(OWNER_KEY, token)

    def is_ours() -> bool:
        try:
            return read_value(OWNER_KEY) in {None, token}  # what nobody has read for a week, the cloud forgets
        except Exception as error:  # noqa: BLE001 - clouds fail in ways of their own
            _log.warning("Whether another web container was started is not known: %s", type(error).__name__)
            return True

    return is_ours
