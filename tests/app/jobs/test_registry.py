"""What is kept of a job, and when it goes."""

from pathlib import Path

import pytest

from app.jobs.runners.protocol import RunEnd
from tests.app.jobs.rig import DONE, Rig

DAY = 24 * 3600.0


def fill_disk(rig: Rig, state: object) -> Path:
    """Let no record be written any more until the returned file is deleted."""
    partial = rig.registry.folder(state).path / "job.json.part"
    partial.mkdir()
    return partial


def end(rig: Rig, **fields: object) -> object:
    """Return a job that is done, with all that its run left."""
    state = rig.make(status="running", **fields)
    folder = rig.registry.folder(state)
    folder.video.write_bytes(b"mp4")
    folder.live.mkdir()
    (folder.live / "0.m4s").touch()
    folder.end.touch()
    rig.end(state, DONE)
    return state


def test_inputs_stay_until_the_end_is_on_the_disk(rig: Rig) -> None:
    state = rig.make(status="running")
    full = fill_disk(rig, state)
    rig.registry.folder(state).video.write_bytes(b"mp4")
    rig.end(state, DONE)
    rig.registry.sweep()
    assert {"photo", "voice", "video.mp4"} <= rig.files(state)
    assert list(rig.registry.find_troubles()) == ["Records that could not be written to the disk: 1."]
    full.rmdir()
    rig.registry.sweep()
    assert rig.files(state) == {"job.json", "video.mp4"}
    assert rig.registry.folder(state).read().status == "done"


def test_live_segments_can_be_watched_for_a_minute_after_the_end(rig: Rig) -> None:
    state = end(rig)
    assert rig.files(state) == {"job.json", "video.mp4", "live"}
    rig.time.pass_by(59)
    rig.registry.sweep()
    assert rig.registry.folder(state).num_live_segments == 1
    rig.time.pass_by(2)
    rig.registry.sweep()
    assert rig.files(state) == {"job.json", "video.mp4"}


def test_clips_that_a_cancelled_run_saved_too_late_are_deleted(rig: Rig) -> None:
    state = rig.make(status="running")
    rig.end(state, RunEnd("cancelled"))
    rig.registry.folder(state).checkpoint.mkdir()
    rig.time.pass_by(61)
    rig.registry.sweep()
    assert rig.files(state) == {"job.json"}


def test_files_go_after_a_day_and_the_job_after_a_week(rig: Rig) -> None:
    state = end(rig)
    for seconds, files in ((DAY - 60, {"job.json", "video.mp4"}), (61, {"job.json"}), (7 * DAY - 60, {"job.json"})):
        rig.time.pass_by(seconds)
        rig.registry.sweep()
        assert rig.files(state) == files
    rig.time.pass_by(61)
    rig.registry.sweep()
    assert not rig.registry.folder(state).path.exists()


def test_a_video_expires_though_nobody_can_read_what_was_decided_of_it(rig: Rig) -> None:
    state = end(rig)
    rig.registry.folder(state).decision.mkdir()
    rig.time.pass_by(DAY + 1)
    rig.registry.sweep()
    assert rig.files(state) == {"job.json"}


def test_troubles_are_told_from_memory_as_anybody_may_ask_for_them(rig: Rig) -> None:
    state = end(rig)
    rig.registry.folder(state).reports.write_text("{}")
    rig.registry.sweep()
    (told,) = rig.registry.find_troubles()
    rig.registry.folder(state).path.rename(rig.registry.folder(state).path.with_name("away"))
    assert list(rig.registry.find_troubles()) == [told]


def test_nothing_that_was_asked_for_stays_where_files_are_erased(rig: Rig) -> None:
    request = {"profile": "preview", "prompt": "a garden", "dialect": "in a newer version"}
    state = end(rig, request=request)
    assert "newer" in (rig.registry.folder(state).path / "job.json").read_text()
    rig.registry.erase(state)
    text = (rig.registry.folder(state).path / "job.json").read_text()
    assert "garden" not in text
    assert "newer" not in text


@pytest.mark.parametrize("jump", [DAY, -DAY, 3650 * DAY, -3650 * DAY])
def test_nothing_expires_because_the_clock_is_set(jump: float, rig: Rig) -> None:
    state = end(rig)
    rig.registry.sweep()
    rig.time.wall += jump
    rig.registry.sweep()
    rig.time.pass_by(DAY - 60)
    rig.registry.sweep()
    assert "video.mp4" in rig.files(state)
    rig.time.pass_by(61)
    rig.registry.sweep()
    assert rig.files(state) == {"job.json"}


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_run_takes_as_long_as_it_takes_though_the_clock_is_set(jump: float, rig: Rig) -> None:
    state = rig.make(status="running", started_at=rig.clock.now())
    state.begun_at = rig.clock.steady
    rig.time.pass_by(8)
    rig.time.wall += jump
    rig.end(state, DONE)
    assert state.record.run_seconds == pytest.approx(8)
    assert (state.record.finished_at - state.record.started_at).total_seconds() == pytest.approx(8)
    rig.forecaster.learn(state.record)
    assert rig.forecaster.estimate_request(state.record.request, 4.0).seconds > 0


def test_counts_jobs_as_they_change(rig: Rig) -> None:
    rig.registry.report(end(rig).record.id, "abuse", "")
    waiting, failed = rig.make(), rig.make(status="running")
    assert rig.registry.count_statuses() == {"queued": 1, "running": 1, "done": 1, "failed": 0, "cancelled": 0}
    full = fill_disk(rig, failed)
    rig.end(failed, RunEnd("failed"))
    rig.registry.forget(waiting)
    rig.registry.find_standing(waiting)
    assert rig.registry.count_statuses() == {"queued": 0, "running": 0, "done": 1, "failed": 1, "cancelled": 0}
    assert len(list(rig.registry.find_troubles())) == 2
    full.rmdir()
    rig.time.pass_by(9 * DAY)
    rig.registry.sweep()
    rig.registry.sweep()
    assert set(rig.registry.count_statuses().values()) == {0}
    assert list(rig.registry.find_troubles()) == []
