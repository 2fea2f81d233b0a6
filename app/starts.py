"""Bringing the model onto the GPU, which a crash begins again without end unless somebody counts.

Needs nothing but Python itself, so that even an image whose packages cannot be imported is given up.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from pipeline.notices import Notice

MAX_STARTS = 3
TRIED_AGAIN_AFTER_SECONDS = 3600.0
_SECONDS_BETWEEN_NOTES = 10.0
_ENDED_FROM_OUTSIDE = "it was ended from outside, most likely because memory ran out."


class Notes(Protocol):
    """Where it is written down what became of earlier starts."""

    def read_note(self, key: str) -> str | None:
        """Return what was noted under the key, by anyone."""
        ...

    def write_note(self, key: str, note: str) -> None:
        """Note something for everyone."""
        ...


@dataclass(frozen=True)
class Starts:
    """The starts since the last one that went well.

    Attributes:
        count: How many.
        seconds: What they took of the GPU.
        begun_at: When the last one was begun, in seconds since the epoch.
        reason: Why the last one failed.
    """

    count: int = 0
    seconds: float = 0.0
    begun_at: float = 0.0
    reason: str = _ENDED_FROM_OUTSIDE


class StartWatch:
    """Counts starts across containers, and gives up."""

    def __init__(self, notes: Notes, key: str, tell_price: Callable[[float], str] = lambda _: "") -> None:
        """Look at what is noted under the key.

        Args:
            notes: Shared by all containers.
            key: The same for all that start alike; another one for each deployment.
            tell_price: Says what seconds of the GPU cost; nothing where that is not known.
        """
        self._notes = notes
        self._key = key
        self._tell_price = tell_price

    def start(self, load: Callable[[], None]) -> Notice | None:
        """Load, unless that has failed too often.

        Returns:
            Why it was given up; None once it is loaded.

        Raises:
            Exception: What `load` raised, while another container may have more luck.
        """
        before = self._read()
        if before.count >= MAX_STARTS:
            if time.time() - before.begun_at < TRIED_AGAIN_AFTER_SECONDS:
                return self._explain(before)
            before = Starts()
        now = Starts(before.count + 1, before.seconds, time.time())
        self._write(now)
        began = time.monotonic()
        try:
            with self._noting(now, began):
                load()
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".rstrip(".") + "."
            failed = replace(now, seconds=now.seconds + time.monotonic() - began, reason=reason)
            self._write(failed)
            if failed.count < MAX_STARTS:
                raise
            return self._explain(failed)
        self._write(Starts())
        return None

    @contextmanager
    def _noting(self, now: Starts, began: float) -> Iterator[None]:
        """Note the seconds while they pass: a container that is killed tells nothing more."""
        done = threading.Event()

        def note() -> None:
            while not done.wait(_SECONDS_BETWEEN_NOTES):
                self._write(replace(now, seconds=now.seconds + time.monotonic() - began))

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _explain(self, starts: Starts) -> Notice:
        price = self._tell_price(starts.seconds)
        reason = f"{starts.reason} That took {round(starts.seconds)} seconds of the GPU{price}."
        return Notice("remote.not_started", "request", {"attempts": starts.count, "reason": reason})

    def _read(self) -> Starts:
        note = self._notes.read_note(self._key)
        return Starts(**json.loads(note)) if note else Starts()

    def _write(self, starts: Starts) -> None:
        self._notes.write_note(self._key, json.dumps(asdict(starts)))
