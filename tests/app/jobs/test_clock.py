"""The time by which jobs are kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.jobs.clock import Clock, read_steady
from tests.app.jobs.rig import Time

DAY = 86_400.0


def start(path: Path, time: Time, boot: str = "one") -> Clock:
    return Clock(path / "clock.json", lambda: time.wall, lambda: time.steady, boot)


def find_passed(clock: Clock, since: datetime) -> float:
    return (clock.now() - since).total_seconds()


def test_begins_as_the_computer_s_clock(tmp_path: Path) -> None:
    time = Time()
    clock = start(tmp_path, time)
    assert clock.now() == clock.show(clock.now()) == datetime.fromtimestamp(time.wall, UTC)
    assert clock.trouble == ""


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 3650 * DAY])
def test_goes_on_when_the_computer_s_clock_is_set_and_shows_what_that_one_does(jump: float, tmp_path: Path) -> None:
    time = Time()
    clock = start(tmp_path, time)
    began = clock.now()
    time.pass_by(10)
    time.wall += jump
    clock.check()
    assert find_passed(clock, began) == pytest.approx(10)
    assert clock.show(clock.now()).timestamp() == pytest.approx(time.wall)
    assert clock.take(clock.show(began)) == began
    assert f"{jump:+.0f}" in clock.trouble


def test_follows_small_corrections(tmp_path: Path) -> None:
    time = Time()
    clock = start(tmp_path, time)
    for _ in range(100):
        time.pass_by(5)
        time.wall += 0.1
        clock.check()
    assert clock.now().timestamp() == pytest.approx(time.wall)
    assert clock.trouble == ""


@pytest.mark.parametrize("jump", [30 * DAY, -30 * DAY])
def test_goes_on_when_the_clock_is_set_while_the_server_is_off(jump: float, tmp_path: Path) -> None:
    time = Time()
    first = start(tmp_path, time)
    began = first.now()
    first.save()
    time.pass_by(100)
    time.wall += jump
    clock = start(tmp_path, time)
    assert find_passed(clock, began) == pytest.approx(100)
    assert clock.show(clock.now()).timestamp() == pytest.approx(time.wall)


def test_the_time_that_the_computer_was_off_counts(tmp_path: Path) -> None:
    time = Time()
    first = start(tmp_path, time)
    began = first.now()
    first.save()
    time.wall, time.steady = time.wall + DAY / 2, 5.0
    clock = start(tmp_path, time, "two")
    assert find_passed(clock, began) == pytest.approx(DAY / 2)
    assert clock.may_erase


def test_a_computer_whose_clock_was_wrong_when_it_was_switched_on_loses_nothing(tmp_path: Path) -> None:
    time = Time()
    first = start(tmp_path, time)
    began = first.now()
    first.save()
    time.wall, time.steady = time.wall + 400 * DAY, 5.0
    clock = start(tmp_path, time, "two")
    assert not clock.may_erase
    time.pass_by(30)
    time.wall -= 399 * DAY
    clock.check()
    assert find_passed(clock, began) == pytest.approx(DAY + 30)
    assert clock.show(clock.now()).timestamp() == pytest.approx(time.wall)


def test_a_server_that_was_off_for_long_deletes_what_has_expired_a_little_later(tmp_path: Path) -> None:
    time = Time()
    start(tmp_path, time).save()
    time.wall += 40 * DAY
    clock = start(tmp_path, time, "two")
    assert not clock.may_erase
    assert "days" in clock.trouble
    time.pass_by(600)
    clock.check()
    assert clock.may_erase
    assert clock.trouble == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"time":NaN,"wall":1,"steady":1,"boot":""}'])
def test_believes_the_computer_where_its_file_is_damaged(content: str, tmp_path: Path) -> None:
    (tmp_path / "clock.json").write_text(content)
    time = Time()
    assert start(tmp_path, time).now().timestamp() == time.wall


def test_writes_the_time_down_every_minute(tmp_path: Path) -> None:
    time = Time()
    clock = start(tmp_path, time)
    written = []
    for _ in range(13):
        clock.check()
        written.append((tmp_path / "clock.json").read_text())
        time.pass_by(5)
    assert len(set(written)) == 2


def test_the_steady_clock_goes_forward() -> None:
    assert 0 < read_steady() <= read_steady()
