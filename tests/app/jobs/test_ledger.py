"""What is kept of a job, and when it goes."""

from pathlib import Path

import pytest

from app.records import JobRequest
from tests.app.jobs.rig import DONE, Rig

DAY = 24 * 3600.0


def fill_disk(rig: Rig, entry: object) -> Path:
    """Let no record be written any more until the returned file is deleted."""
    partial = rig.ledger.folder(entry).path / "job.json.part"
    partial.mkdir()
    return partial


def end(rig: Rig, **fields: object) -> object:
    """Return a job that is done, with all that its run left."""
    entry = rig.make(status="running", **fields)
    folder = rig.ledger.folder(entry)
    folder.video.write_bytes(b"mp4")
    folder.live.mkdir()
    (folder.live / "0.mp4").touch()
    folder.end.touch()
    rig.end(entry, DONE)
    return entry


def test_inputs_stay_until_the_end_is_on_the_disk(rig: Rig) -> None:
    entry = rig.make(status="running")
    full = fill_disk(rig, entry)
    rig.ledger.folder(entry).video.write_bytes(b"mp4")
    rig.end(entry, DONE)
    rig.ledger.sweep()
    assert {"photo", "voice", "video.mp4"} <= rig.files(entry)
    assert rig.ledger.num_unwritten == 1
    full.rmdir()
    rig.ledger.sweep()
    assert rig.files(entry) == {"job.json", "video.mp4"}
    assert rig.ledger.folder(entry).read().status == "done"


def test_live_clips_can_be_watched_for_a_minute_after_the_end(rig: Rig) -> None:
    entry = end(rig)
    assert rig.files(entry) == {"job.json", "video.mp4", "live"}
    rig.time.pass_by(59)
    rig.ledger.sweep()
    assert rig.ledger.folder(entry).live_clips
    rig.time.pass_by(2)
    rig.ledger.sweep()
    assert rig.files(entry) == {"job.json", "video.mp4"}


def test_files_go_after_a_day_and_the_job_after_a_week(rig: Rig) -> None:
    entry = end(rig)
    for seconds, files in ((DAY - 60, {"job.json", "video.mp4"}), (61, {"job.json"}), (7 * DAY - 60, {"job.json"})):
        rig.time.pass_by(seconds)
        rig.ledger.sweep()
        assert rig.files(entry) == files
    rig.time.pass_by(61)
    rig.ledger.sweep()
    assert not rig.ledger.folder(entry).path.exists()


def test_nothing_that_was_asked_for_stays_where_files_are_erased(rig: Rig) -> None:
    entry = end(rig, request=JobRequest(profile="preview", prompt="a garden", script="in a newer version"))
    rig.ledger.erase(entry)
    text = (rig.ledger.folder(entry).path / "job.json").read_text()
    assert "garden" not in text
    assert "newer" not in text


@pytest.mark.parametrize("jump", [DAY, -DAY, 3650 * DAY, -3650 * DAY])
def test_nothing_expires_because_the_clock_is_set(jump: float, rig: Rig) -> None:
    entry = end(rig)
    rig.ledger.sweep()
    rig.time.wall += jump
    rig.ledger.sweep()
    rig.time.pass_by(DAY - 60)
    rig.ledger.sweep()
    assert "video.mp4" in rig.files(entry)
    rig.time.pass_by(61)
    rig.ledger.sweep()
    assert rig.files(entry) == {"job.json"}


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_run_takes_as_long_as_it_takes_though_the_clock_is_set(jump: float, rig: Rig) -> None:
    entry = rig.make(status="running", started_at=rig.clock.now())
    entry.begun_at = rig.clock.steady
    rig.time.pass_by(8)
    rig.time.wall += jump
    rig.end(entry, DONE)
    assert entry.record.run_seconds == pytest.approx(8)
    assert (entry.record.finished_at - entry.record.started_at).total_seconds() == pytest.approx(8)
    rig.forecaster.learn(entry.record)
    assert rig.forecaster.estimate_request(entry.record.request, 4.0).seconds > 0
