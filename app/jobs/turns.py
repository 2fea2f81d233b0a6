"""A few work at once; the others wait, and clients take turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import QueueFullError
from app.jobs.queue import FairQueue, may_take

_RETRY_SECONDS = 5


class Turns:
    """Lets a few work at the same time, in turns by client.

    Args:
        num_at_once: So many work.
        num_places: So many may wait.
    """

    def __init__(self, num_at_once: int, num_places: int) -> None:
        self._num_free = num_at_once
        self._num_places = num_places
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def take(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn, and have it.

        Raises:
            QueueFullError: Too many wait already, in all or of this client.
        """
        await self._begin(client)
        try:
            yield
        finally:
            self._end()

    async def _begin(self, client: str) -> None:
        if self._num_free:
            self._num_free -= 1
            return
        if not may_take(self._waiting.count(client), len(self._waiting), self._num_places):
            is_share = len(self._waiting) < self._num_places
            num_waiting = self._waiting.count(client) if is_share else len(self._waiting)
            raise QueueFullError(num_waiting, _RETRY_SECONDS, "uploads", is_share=is_share)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(turn, client)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                self._end()
            raise

    def _end(self) -> None:
        """Hand the turn on."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._num_free += 1
