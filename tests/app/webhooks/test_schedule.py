"""When a delivery is tried again."""

import pytest

from app.webhooks.schedule import find_wait, read_retry_after

NOW = 1_700_000_000.0  # 14 November 2023, 22:13:20


def test_waits_longer_each_time_and_gives_up_after_the_seventh() -> None:
    waits = [find_wait(number, draw=lambda: 0.0) for number in range(1, 8)]
    assert waits == [5, 300, 1800, 7200, 18_000, 36_000, None]
    assert find_wait(1, draw=lambda: 1.0) == 6


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("120", 120),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120),
        ("Tue, 14 Nov 2023 22:15:20", 120),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("-5", 0),
        ("\u0661", 0),
        ("soon", 0),
        ("Tue, 99 Nov 99999999999 22:15:20 GMT", 0),
    ],
)
def test_reads_how_long_a_receiver_wants_to_be_left_alone(value: str | None, seconds: float) -> None:
    assert read_retry_after(value, NOW) == seconds


def test_a_receiver_may_ask_for_a_later_attempt_within_reason() -> None:
    assert find_wait(1, 120, draw=lambda: 0.0) == 120
    assert find_wait(2, 120, draw=lambda: 0.0) == 300
    assert find_wait(1, float("9" * 9), draw=lambda: 0.0) == 36_000
