"""What videos may cost in a day."""

from pathlib import Path

import pytest

from app.errors import BudgetError
from app.jobs.budget import Budget

DAY = 24 * 3600


class Clock:
    """Shows the time that it is set to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(tmp_path: Path, clock: Clock) -> Budget:
    return Budget(tmp_path / "spending.json", 20.0, clock)


def test_refuses_what_would_be_too_much(budget: Budget) -> None:
    budget.reserve("a", 15.0)
    with pytest.raises(BudgetError, match=r"\$6\.00.*\$20\.00.*\$15\.00 is spent or promised"):
        budget.reserve("b", 6.0)
    budget.reserve("c", 5.0)


def test_says_when_there_is_room_again(budget: Budget, clock: Clock) -> None:
    budget.reserve("a", 2.0)
    clock.now += 3600
    budget.reserve("b", 15.0)
    with pytest.raises(BudgetError) as caught:
        budget.reserve("c", 5.0)
    assert caught.value.retry_after_seconds == DAY - 3600
    clock.now += DAY - 3600 + 1
    budget.reserve("c", 5.0)


def test_says_no_time_for_what_is_always_too_much(budget: Budget) -> None:
    with pytest.raises(BudgetError, match="shorter voice") as caught:
        budget.reserve("a", 20.5)
    assert caught.value.retry_after_seconds is None


@pytest.mark.parametrize(("cost", "room"), [(1.0, 19.0), (0.0, 20.0), (18.0, 2.0)])
def test_puts_the_cost_in_place_of_what_was_promised(budget: Budget, cost: float, room: float) -> None:
    budget.reserve("a", 10.0)
    budget.settle("a", cost)
    with pytest.raises(BudgetError):
        budget.reserve("b", room + 0.01)
    budget.reserve("b", room)


def test_outlives_the_server(budget: Budget, tmp_path: Path, clock: Clock) -> None:
    budget.reserve("a", 10.0)
    budget.settle("a", 12.0)
    with pytest.raises(BudgetError):
        Budget(tmp_path / "spending.json", 20.0, clock).reserve("b", 9.0)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 3}', '{"a": ["x", 1]}'])
def test_begins_anew_where_the_account_is_damaged(tmp_path: Path, text: str) -> None:
    (tmp_path / "spending.json").write_text(text)
    Budget(tmp_path / "spending.json", 20.0).reserve("a", 20.0)
