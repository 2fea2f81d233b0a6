"""Who may send, and when."""

from app.webhooks.backlog import AT_ONCE, HOST_SPACING_SECONDS, PER_HOST, PER_OWNER, UNPROVEN_AT_ONCE, Backlog
from app.webhooks.book import Delivery


def make(number: int, host: str, key_id: str | None = None, next_at: float = 0.0) -> Delivery:
    return Delivery(f"msg_{number}", "job", key_id, host, "job.done", 0.0, next_at, 0, "pending")


def take_all(backlog: Backlog, now: float) -> list[Delivery]:
    taken = []
    while (delivery := backlog.take(now)) is not None:
        taken.append(delivery)
    return taken


def prove(backlog: Backlog, *hosts: str) -> None:
    for number, host in enumerate(hosts):
        backlog.add(make(number, host))
        delivery = backlog.take(0.0)
        assert delivery is not None
        backlog.give_back(delivery, has_failed=False)


def test_hosts_that_stall_leave_places_to_those_that_answer() -> None:
    backlog = Backlog()
    prove(backlog, "good")
    for number in range(1000):
        backlog.add(make(100 + number, f"stalls-{number}"))
    backlog.add(make(99, "good"))
    taken = take_all(backlog, 10.0)
    assert len(taken) == UNPROVEN_AT_ONCE + 1
    assert "good" in {delivery.host for delivery in taken}


def test_what_has_piled_up_for_a_host_goes_out_at_its_pace() -> None:
    backlog = Backlog()
    prove(backlog, "good")
    for number in range(10_000):
        backlog.add(make(100 + number, "good"))
    now, sent = 10.0, 0
    for _ in range(100):
        for delivery in take_all(backlog, now):
            sent += 1
            backlog.give_back(delivery, has_failed=False)
        now += HOST_SPACING_SECONDS / 2
    assert 45 <= sent <= 55


def test_a_host_has_two_places_and_one_after_a_failure() -> None:
    backlog = Backlog()
    prove(backlog, "host")
    for number in range(10):
        backlog.add(make(100 + number, "host"))
    taken = [delivery for now in (1.0, 2.0, 3.0) for delivery in take_all(backlog, now)]
    assert len(taken) == PER_HOST
    for delivery in taken:
        backlog.give_back(delivery, has_failed=True)
    assert len([delivery for now in (4.0, 5.0, 6.0) for delivery in take_all(backlog, now)]) == 1


def test_keys_take_turns_and_none_has_all_places() -> None:
    backlog = Backlog()
    hosts = [f"host-{number}" for number in range(20)]
    prove(backlog, *hosts, "quiet")
    for number, host in enumerate(hosts * 10):
        backlog.add(make(100 + number, host, "noisy"))
    backlog.add(make(99, "quiet", "quiet"))
    taken = take_all(backlog, 10.0)
    assert [delivery.key_id for delivery in taken].count("noisy") == PER_OWNER < AT_ONCE
    assert taken[1].key_id == "quiet"


def test_the_time_of_one_that_waits_can_be_changed() -> None:
    backlog = Backlog()
    backlog.add(make(1, "host", next_at=100.0))
    backlog.add(make(1, "host", next_at=10.0))
    assert backlog.take(9.0) is None
    assert backlog.next_at == 10.0
    assert [delivery.id for delivery in take_all(backlog, 10.0)] == ["msg_1"]
    assert take_all(backlog, 1000.0) == []
