"""How long jobs take, learned from those that were done."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.jobs.forecast import SpeedBook, find_remaining
from pipeline.types import Progress


def test_knows_nothing_before_the_first_job(tmp_path: Path) -> None:
    assert SpeedBook(tmp_path / "speeds.json").ratio("fast") is None


def test_learns_and_remembers(tmp_path: Path) -> None:
    book = SpeedBook(tmp_path / "speeds.json")
    book.add("fast", speech_seconds=10, run_seconds=20)
    book.add("fast", speech_seconds=10, run_seconds=40)
    assert SpeedBook(tmp_path / "speeds.json").ratio("fast") == pytest.approx(2.6)


@pytest.mark.parametrize("run_seconds", [-86_400.0, 0.0, float("inf"), float("nan"), 1e9])
def test_believes_no_time_that_cannot_be(run_seconds: float, tmp_path: Path) -> None:
    book = SpeedBook(tmp_path / "speeds.json")
    book.add("fast", speech_seconds=10, run_seconds=run_seconds)
    assert book.ratio("fast") is None
    assert not (tmp_path / "speeds.json").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"fast": null}', '{"fast": -1850.2}', '{"fast": NaN}'])
def test_learns_anew_where_its_file_is_damaged(content: str, tmp_path: Path) -> None:
    (tmp_path / "speeds.json").write_text(content)
    assert SpeedBook(tmp_path / "speeds.json").ratio("fast") is None


@pytest.mark.parametrize(
    ("predicted", "elapsed", "percent", "remaining"),
    [(20, 5, 0, 15), (20, 30, 0, 1), (20, 5, 50, 10), (20, 9, 90, 2)],
)
def test_trusts_the_run_the_more_the_further_it_is(
    predicted: float, elapsed: float, percent: float, remaining: float
) -> None:
    found = find_remaining(predicted, timedelta(seconds=elapsed), Progress("frames", 0, 0, percent))
    assert found == pytest.approx(remaining, abs=0.2)
