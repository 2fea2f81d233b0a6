"""One look at all runs for all who follow one: what it costs does not grow with their number."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from app.log import start_task

_CALLS_A_ROUND = 2
_ROUNDS_BETWEEN_CALLS = 10
_NEVER = float("-inf")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What one look has found.

    Attributes:
        notes: All that is in the dict of live notes.
        turns: Handles of the calls that may be asked about now, whatever the notes say.
    """

    notes: Mapping[str, str]
    turns: frozenset[str]


class Rounds:
    """Reads the live notes once in a while, as long as somebody waits for them, and lets calls be asked about in turn.

    A run notes its own end, so asking about calls is for runs that could not: those that crashed, were taken away or
    ran out of time.
    """

    def __init__(self, read_notes: Callable[[], Awaitable[Mapping[str, str]]], seconds: float) -> None:
        """Read nothing yet.

        Args:
            read_notes: Reads all live notes at once; those of before count for as long as it fails.
            seconds: Between two rounds.
        """
        self._read_notes = read_notes
        self._seconds = seconds
        self._asked_at: dict[str, float] = {}
        self._next: asyncio.Task[Round] | None = None
        self._notes: Mapping[str, str] = {}
        self._read_at = _NEVER

    def join(self, handle: str) -> None:
        """Let the call be asked about as soon as it is its turn."""
        self._asked_at[handle] = _NEVER

    def leave(self, handle: str) -> None:
        """Ask no more about the call."""
        self._asked_at.pop(handle, None)

    async def next(self) -> Round:
        """Return the next round, the same one to all who wait for it."""
        if self._next is None or self._next.done():
            self._next = start_task(self._go_round())
        return await asyncio.shield(self._next)

    async def read(self, most_seconds_old: float) -> Mapping[str, str]:
        """Return the live notes, which are read anew only if nobody has done so lately."""
        if time.monotonic() - self._read_at > most_seconds_old:
            await self._refresh()
        return self._notes

    async def _go_round(self) -> Round:
        await asyncio.sleep(self._seconds)
        await self._refresh()
        return Round(self._notes, self._take_turns(time.monotonic()))

    async def _refresh(self) -> None:
        try:
            self._notes = await self._read_notes()
            self._read_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 - clouds fail in ways of their own, and the runs go on
            _log.warning("The live notes could not be read: %s", type(error).__name__)

    def _take_turns(self, now: float) -> frozenset[str]:
        """Return the calls that were not asked about for the longest time."""
        before = now - _ROUNDS_BETWEEN_CALLS * self._seconds
        due = sorted((asked_at, handle) for handle, asked_at in self._asked_at.items() if asked_at <= before)
        turns = frozenset(handle for _, handle in due[:_CALLS_A_ROUND])
        self._asked_at.update(dict.fromkeys(turns, now))
        return turns
