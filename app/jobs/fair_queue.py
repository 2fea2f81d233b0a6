"""Fair shares: clients take turns, however much each of them asks for."""

import asyncio
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Generic, TypeVar

from app.errors import QueueFullError

Item = TypeVar("Item", bound=Hashable)

_SHARE = 4
_RETRY_SECONDS = 5


def may_take(num_own: int, num_taken: int, num_places: int) -> bool:
    """Say whether a client may take one more place.

    A client may hold up to four times as many places as then remain free, so that there is room for whoever comes
    next: a single client gets four fifths of all places, two get four ninths each. The first place is always granted.

    Args:
        num_own: Places that the client holds.
        num_taken: Places that all clients hold.
        num_places: How many places there are.
    """
    num_free = num_places - num_taken
    return num_free > 0 and (num_own == 0 or num_own < _SHARE * (num_free - 1))


class FairQueue(Generic[Item]):
    """Waiting items, the next one first. In each round, every waiting client gets one item.

    Source:
        Start-time fair queueing (Goyal, Vin and Cheng, 1996), with items of equal cost.
    """

    def __init__(self) -> None:
        self.version = 0
        self._order: list[tuple[int, int, Item]] = []
        self._places: dict[Item, tuple[int, int, str]] = {}
        self._last_rounds: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._round = 0
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Item]:
        return (item for _, _, item in self._order)

    def __contains__(self, item: Item) -> bool:
        return item in self._places

    def count(self, client: str) -> int:
        """Return how many items of the client are waiting."""
        return self._counts[client]

    def index(self, item: Item) -> int:
        """Return how many items are ahead of this one."""
        return bisect_left(self._order, self._places[item][:2])

    def add(self, item: Item, client: str) -> None:
        """Queue an item for its client's next turn."""
        turn = max(self._round, self._last_rounds.get(client, 0)) + 1
        self._last_rounds[client] = turn
        self._insert(item, turn, client)

    def put_back(self, item: Item, client: str) -> None:
        """Make an item that had its turn the next one again."""
        self._insert(item, self._round - 1, client)

    def firsts(self) -> Iterator[Item]:
        """Yield the next item of each client that waits, in turn."""
        seen: set[str] = set()
        for _, _, item in self._order:
            if len(seen) == len(self._counts):
                return
            client = self._places[item][2]
            if client not in seen:
                seen.add(client)
                yield item

    def pop(self) -> Item:
        """Take the next item out."""
        item = self._order[0][2]
        self.take(item)
        return item

    def take(self, item: Item) -> None:
        """Take an item out as if it were its turn; those ahead of it stay there."""
        self._round = max(self._round, self._places[item][0])
        self._forget(self._take_out(item))

    def remove(self, item: Item) -> None:
        """Take an item out before its turn; its client's later ones move up."""
        removed = self._places[item][0]
        client = self._take_out(item)
        if removed >= self._round:
            self._last_rounds[client] -= 1
            self._move_up(client, removed)
        self._forget(client)

    def _insert(self, item: Item, turn: int, client: str) -> None:
        number = next(self._numbers)
        self._places[item] = (turn, number, client)
        self._counts[client] += 1
        insort(self._order, (turn, number, item))
        self.version += 1

    def _take_out(self, item: Item) -> str:
        del self._order[self.index(item)]
        client = self._places.pop(item)[2]
        self._counts[client] -= 1
        self.version += 1
        return client

    def _move_up(self, client: str, removed: int) -> None:
        for item, (turn, number, owner) in self._places.items():
            if owner == client and turn > removed:
                self._places[item] = (turn - 1, number, owner)
        self._order = sorted((turn, number, item) for item, (turn, number, _) in self._places.items())

    def _forget(self, client: str) -> None:
        """Drop the state of a client that neither waits nor is ahead of the others."""
        if not self._counts[client]:
            del self._counts[client]
            if self._last_rounds.get(client, 0) <= self._round:
                self._last_rounds.pop(client, None)


class FairSemaphore:
    """Lets a few work at a time; the others wait, and clients take turns.

    Args:
        num_at_once: How many may work at a time.
        num_places: How many may wait.
    """

    def __init__(self, num_at_once: int, num_places: int) -> None:
        self._num_free = num_at_once
        self._num_places = num_places
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @asynccontextmanager
    async def acquire(self, client: str) -> AsyncIterator[None]:
        """Wait for a turn, and hold it.

        Raises:
            QueueFullError: Too many are waiting already, in total or of this client.
        """
        await self._wait(client)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, client: str) -> None:
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
                self._release()
            raise

    def _release(self) -> None:
        """Pass the turn on to the next one."""
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._num_free += 1
