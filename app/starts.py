"""Counts how often a GPU container fails to start, so that a crash is not retried for ever.

Needs nothing but Python itself, so that it also works in an image whose packages cannot be imported.
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
_SECONDS_BETWEEN_WRITES = 10.0
_ENDED_FROM_OUTSIDE = "it was ended from outside, most likely because memory ran out."


class KeyValueStore(Protocol):
    """A store of texts that all containers share."""

    def read_value(self, key: str) -> str | None:
        """Return the value of the key; None if it has none."""
        ...

    def write_value(self, key: str, value: str) -> None:
        """Set the value of the key."""
        ...


@dataclass(frozen=True)
class Starts:
    """The failed starts in a row.

    Attributes:
        count: How many.
        seconds: GPU time that they took.
        begun_at: When the last one was begun, in seconds since the epoch.
        reason: Why the last one failed.
    """

    count: int = 0
    seconds: float = 0.0
    begun_at: float = 0.0
    reason: str = _ENDED_FROM_OUTSIDE


class StartWatch:
    """Counts failed starts across containers, and gives up after a few."""

    def __init__(self, store: KeyValueStore, key: str, tell_price: Callable[[float], str] = lambda _: "") -> None:
        """Prepare the watch.

        Args:
            store: Shared by all containers.
            key: The same for all containers that start alike; a new one for each deployment.
            tell_price: Says what seconds of the GPU cost; "" if unknown.
        """
        self._store = store
        self._key = key
        self._tell_price = tell_price

    def start(self, load: Callable[[], None]) -> Notice | None:
        """Load, unless that has failed too often.

        Returns:
            Why no more attempts are made; None once loaded.

        Raises:
            Exception: What `load` raised, if another container should try again.
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
            with self._recording(now, began):
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
    def _recording(self, now: Starts, began: float) -> Iterator[None]:
        """Record the seconds as they pass: a container that is killed cannot report anything more."""
        done = threading.Event()

        def record() -> None:
            while not done.wait(_SECONDS_BETWEEN_WRITES):
                self._write(replace(now, seconds=now.seconds + time.monotonic() - began))

        thread = threading.Thread(target=record, daemon=True)
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
        value = self._store.read_value(self._key)
        return Starts(**json.loads(value)) if value else Starts()

    def _write(self, starts: Starts) -> None:
        self._store.write_value(self._key, json.dumps(asdict(starts)))
