"""How often a client may do something, such as guess."""

import time
from collections import OrderedDict
from collections.abc import Callable

_GUESSES = 10
"""How many wrong keys and passwords a client may send in a row; the people of an office share one address."""
_SECONDS_PER_GUESS = 1.0
_MAX_CLIENTS = 10_000


class Attempts:
    """Counts how often each client may still do something, such as send a wrong key.

    Args:
        clock: Seconds from any point in time on.
        max_clients: Those that are remembered; then the one whose last attempt is longest ago is forgotten.
        in_a_row: How many attempts a client may make at once.
        seconds_each: After which each of them is forgotten, one after the other.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        max_clients: int = _MAX_CLIENTS,
        *,
        in_a_row: int = _GUESSES,
        seconds_each: float = _SECONDS_PER_GUESS,
    ) -> None:
        self._clock = clock
        self._spare_seconds = (in_a_row - 1) * seconds_each
        self._seconds_each = seconds_each
        self._max_clients = max_clients
        self._free_at: OrderedDict[str, float] = OrderedDict()  # when all are forgotten

    def find_wait(self, client: str) -> float:
        """Return the seconds until the client may make another attempt; 0 if it may now."""
        debt = self._free_at.get(client, 0.0) - self._clock()
        return max(0.0, debt - self._spare_seconds)

    def add(self, client: str) -> None:
        """Count an attempt."""
        now = self._clock()
        self._free_at[client] = max(self._free_at.pop(client, 0.0), now) + self._seconds_each
        while len(self._free_at) > self._max_clients:
            self._free_at.popitem(last=False)

    def give_back(self, client: str) -> None:
        """Count an attempt no more, which was not the client's fault."""
        if client in self._free_at:
            self._free_at[client] -= self._seconds_each
