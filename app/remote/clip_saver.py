"""Saves a run's finished clips while the run goes on."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

SECONDS_BETWEEN_SAVES = 15.0
SECONDS_OF_PATIENCE = 30.0
_log = logging.getLogger(__name__)


class PatientLock:
    """A lock for which nobody waits long: what it guards is never worth a GPU that waits.

    Args:
        seconds: How long anybody waits.
    """

    def __init__(self, seconds: float) -> None:
        self._lock = threading.Lock()
        self._seconds = seconds

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            TimeoutError: It is not free.
        """
        if not self._lock.acquire(timeout=self._seconds):
            raise TimeoutError

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class ClipSaver:
    """Saves files in a thread of its own, so that a GPU need not wait. Use as a context manager.

    Attributes:
        guard: Held while files are saved: nobody changes any then.

    Args:
        save_files: Commits what was written to the job's folder.
        seconds: The least time between two saves; what comes earlier is saved with what comes next.
        patience: How many seconds anybody waits for a save.
    """

    def __init__(
        self,
        save_files: Callable[[], None],
        seconds: float = SECONDS_BETWEEN_SAVES,
        patience: float = SECONDS_OF_PATIENCE,
    ) -> None:
        self.guard = PatientLock(patience)
        self._patience = patience
        self._save_files = save_files
        self._seconds = seconds
        self._saved_at = float("-inf")
        self._pending: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pending is not None:
            self._pending.join(self._patience)

    def save(self) -> None:
        """Begin to save what is there, unless that was done just now or is still going on."""
        is_saving = self._pending is not None and self._pending.is_alive()
        if not is_saving and time.monotonic() - self._saved_at >= self._seconds:
            # A save that never ends must not keep the container, which is paid for.
            self._pending = threading.Thread(target=self._save, name="saving", daemon=True)
            self._pending.start()

    def _save(self) -> None:
        with self.guard:
            began = time.monotonic()
            try:
                self._save_files()
            except Exception as error:  # noqa: BLE001 - it ends no run; the end is saved in its own time
                _log.warning("Finished clips could not be saved: %s", type(error).__name__)
            self._saved_at = time.monotonic()
            _log.info("Finished clips were saved in %.1f s.", self._saved_at - began)
