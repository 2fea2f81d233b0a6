"""Deliveries that wait for their time, and then for their turn."""

import heapq
from collections import Counter, OrderedDict, deque

from app.webhooks.book import Delivery

AT_ONCE = 12
PER_OWNER = 8
PER_HOST = 2
UNPROVEN_AT_ONCE = 6
"""Of all hosts together whose latest delivery has failed, or that never had one; each of them has one place."""
HOST_SPACING_SECONDS = 0.1
"""Between the beginnings of two deliveries to one host: what an outage has piled up does not arrive all at once."""
_HOSTS_REMEMBERED = 1000


class Backlog:
    """Gives out deliveries that are due: keys take turns, and so do the hosts of each.

    A host has few places, a key has not all of them, and hosts that never answered well have half of them together. So
    none that stalls holds up others.

    Times are seconds on one clock, the caller's.
    """

    def __init__(self) -> None:
        self._timed: list[tuple[float, str]] = []
        self._waiting: dict[str, Delivery] = {}
        self._due: OrderedDict[str | None, OrderedDict[str, deque[Delivery]]] = OrderedDict()
        self._taken: dict[str, Delivery] = {}
        self._per_owner: Counter[str | None] = Counter()
        self._per_host: Counter[str] = Counter()
        self._begun_at: dict[str, float] = {}
        self._proven: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, delivery_id: str) -> bool:
        """Whether it is being sent."""
        return delivery_id in self._taken

    def add(self, delivery: Delivery) -> None:
        """Add a delivery, or change the time of one that waits."""
        if delivery.next_at is not None:
            self._waiting[delivery.id] = delivery
            heapq.heappush(self._timed, (delivery.next_at, delivery.id))

    def take(self, now: float) -> Delivery | None:
        """Return the next delivery that may be sent now, and give it a place; None if there is none."""
        self._advance(now)
        if len(self._taken) >= AT_ONCE:
            return None
        for owner, hosts in self._due.items():
            host = self._find_host(owner, hosts)
            if host is not None:
                return self._take_from(owner, host, now)
        return None

    def give_back(self, delivery: Delivery, *, has_failed: bool) -> None:
        """Free the place of a delivery that was taken."""
        del self._taken[delivery.id]
        self._per_owner[delivery.key_id] -= 1
        self._per_host[delivery.host] -= 1
        self._per_owner, self._per_host = +self._per_owner, +self._per_host  # without those that have none
        self._proven.pop(delivery.host, None)
        if not has_failed:
            self._proven[delivery.host] = None
            if len(self._proven) > _HOSTS_REMEMBERED:
                self._proven.popitem(last=False)

    @property
    def next_at(self) -> float | None:
        """When something may be to do: 0 if something waits for its turn; None if there is nothing."""
        if self._due:
            return 0.0
        return self._timed[0][0] if self._timed else None

    def _advance(self, now: float) -> None:
        while self._timed and self._timed[0][0] <= now:
            moment, name = heapq.heappop(self._timed)
            delivery = self._waiting.get(name)
            if delivery is not None and delivery.next_at == moment:  # or else its time was changed
                del self._waiting[name]
                hosts = self._due.setdefault(delivery.key_id, OrderedDict())
                hosts.setdefault(delivery.host, deque()).append(delivery)
        self._begun_at = {host: begun_at for host, begun_at in self._begun_at.items() if _is_recent(begun_at, now)}

    def _find_host(self, owner: str | None, hosts: OrderedDict[str, deque[Delivery]]) -> str | None:
        if self._per_owner[owner] >= PER_OWNER:
            return None
        # Thousands may wait while all places of the unproven are taken: then only the others are looked at.
        is_full = self._num_unproven >= UNPROVEN_AT_ONCE
        candidates = (host for host in self._proven if host in hosts) if is_full else hosts
        return next((host for host in candidates if self._is_free(host)), None)

    def _is_free(self, host: str) -> bool:
        if host in self._begun_at:
            return False
        if host in self._proven:
            return self._per_host[host] < PER_HOST
        return not self._per_host[host]

    @property
    def _num_unproven(self) -> int:
        return sum(one.host not in self._proven for one in self._taken.values())

    def _take_from(self, owner: str | None, host: str, now: float) -> Delivery:
        hosts = self._due[owner]
        delivery = hosts[host].popleft()
        hosts.move_to_end(host)
        self._due.move_to_end(owner)
        if not hosts[host]:
            del hosts[host]
        if not hosts:
            del self._due[owner]
        self._taken[delivery.id] = delivery
        self._per_owner[owner] += 1
        self._per_host[host] += 1
        self._begun_at[host] = now
        return delivery


def _is_recent(begun_at: float, now: float) -> bool:
    return 0 <= now - begun_at < HOST_SPACING_SECONDS  # clocks are set back, too
