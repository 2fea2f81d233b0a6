"""Who is next: clients take turns, however much each of them asks for."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable, Iterator
from itertools import count
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)

_SHARE = 4


def may_take(num_own: int, num_taken: int, num_places: int) -> bool:
    """Say whether a client may take one more place.

    It may hold four times as many as then stay free, so that there is room for whoever comes next: alone it has four
    fifths of all, two have four ninths each. The first place is always its own.

    Args:
        num_own: Places that the client holds.
        num_taken: Places that all clients hold.
        num_places: How many there are.
    """
    num_free = num_places - num_taken
    return num_free > 0 and (num_own == 0 or num_own < _SHARE * (num_free - 1))


class FairQueue(Generic[Item]):
    """Items that wait, the next one first. In each round, every client that waits has one item.

    Source:
        Start-time fair queueing (Goyal, Vin and Cheng, 1996), with items that all count the same.
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
        """Return how many items of the client wait."""
        return self._counts[client]

    def index(self, item: Item) -> int:
        """Return how many are before the item, which waits."""
        return bisect_left(self._order, self._places[item][:2])

    def add(self, item: Item, client: str) -> None:
        """Let an item wait for its client's next turn."""
        turn = max(self._round, self._last_rounds.get(client, 0)) + 1
        self._last_rounds[client] = turn
        self._insert(item, turn, client)

    def put_back(self, item: Item, client: str) -> None:
        """Let an item that had its turn be the next one again."""
        self._insert(item, self._round - 1, client)

    def pop(self) -> Item:
        """Take the next item out."""
        turn, _, item = self._order[0]
        self._round = max(self._round, turn)
        self._forget(self._take_out(item))
        return item

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
        """Keep nothing of a client that neither waits nor is ahead of the others."""
        if not self._counts[client]:
            del self._counts[client]
            if self._last_rounds.get(client, 0) <= self._round:
                self._last_rounds.pop(client, None)
