"""Who is next."""

from app.jobs.fair_queue import FairQueue, may_take


def take_all(queue: FairQueue[str]) -> str:
    return " ".join(queue.pop() for _ in range(len(queue)))


def fill(*asked: str) -> FairQueue[str]:
    """Return a queue of items such as `a1`, the first of the client `a`."""
    queue: FairQueue[str] = FairQueue()
    for item in asked:
        queue.add(item, item[0])
    return queue


def test_who_asks_alone_is_served_in_order() -> None:
    assert take_all(fill("a1", "a2", "a3")) == "a1 a2 a3"


def test_who_asks_for_one_waits_for_one_of_each_other() -> None:
    assert take_all(fill("a1", "a2", "a3", "b1", "c1", "c2")) == "a1 b1 c1 a2 c2 a3"


def test_who_comes_late_does_not_wait_for_what_was_asked_before() -> None:
    queue = fill(*(f"a{n}" for n in range(100)))
    for _ in range(40):
        queue.pop()
    queue.add("b", "b")
    assert queue.index("b") <= 1


def test_who_has_waited_does_not_lose_its_place_to_newcomers() -> None:
    queue = fill("a1", "b1")
    assert queue.pop() == "a1"
    for client in "cdef":
        queue.add(f"{client}1", client)
    assert queue.pop() == "b1"


def test_what_is_given_up_does_not_hold_back_its_client() -> None:
    queue = fill("a1", "a2", "a3", "a4", "b1", "b2")
    for item in ("a1", "a2", "a3"):
        queue.remove(item)
    assert take_all(queue) == "a4 b1 b2"


def test_who_may_not_have_more_is_passed_by_and_keeps_its_place() -> None:
    queue = fill("a1", "a2", "b1", "b2", "c1")
    assert list(queue.firsts()) == ["a1", "b1", "c1"]
    queue.take("b1")
    assert list(queue.firsts()) == ["a1", "c1", "b2"]
    assert take_all(queue) == "a1 c1 a2 b2"


def test_what_comes_back_is_the_next_one() -> None:
    queue = fill("a1", "a2", "b1")
    queue.put_back(queue.pop(), "a")
    assert take_all(queue) == "a1 b1 a2"


def test_what_came_back_may_be_given_up() -> None:
    queue = fill("a1", "a2")
    queue.put_back(queue.pop(), "a")
    queue.remove("a1")
    assert take_all(queue) == "a2"


def test_keeps_nothing_of_clients_that_wait_no_more() -> None:
    queue = fill(*(f"{client}{n}" for client in "abcdef" for n in range(3)))
    queue.remove("f1")
    take_all(queue)
    assert (dict(queue._counts), dict(queue._last_rounds)) == ({}, {})


def count_places(num_places: int, num_clients: int) -> list[int]:
    """Return how many places each client gets where all of them take what they can, one client after another."""
    held: list[int] = []
    for _ in range(num_clients):
        own = 0
        while may_take(own, sum(held) + own, num_places):
            own += 1
        held.append(own)
    return held


def test_one_client_cannot_take_all_places() -> None:
    assert count_places(100, 3) == [80, 16, 3]
    assert count_places(10, 3) == [8, 1, 1]


def test_a_queue_of_one_place_has_room_for_one() -> None:
    assert count_places(1, 2) == [1, 0]


def test_clients_that_ask_by_turns_hold_as_many_as_one_another() -> None:
    held = [0, 0, 0]
    while any(grown := [may_take(own, sum(held), 100) for own in held]):
        held = [own + more for own, more in zip(held, grown, strict=True)]
    assert max(held) - min(held) <= 1
    assert sum(held) < 100
