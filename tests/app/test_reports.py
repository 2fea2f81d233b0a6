"""What is reported of a video is kept until somebody has decided about it, whoever that is and wherever."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.reports.book import Report, add_report, find_standing, read_reports
from app.reports.command import ReportCommandError, carry_out
from app.storage import JobFolder

JOB = "A" * 22
AT = datetime(2026, 1, 31, tzinfo=UTC)
NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "jobs" / JOB)
    folder.path.mkdir(parents=True)
    folder.video.write_bytes(b"mp4")
    return folder


def report(folder: JobFolder, *minutes: int) -> None:
    for minute in minutes:
        add_report(folder, Report(at=AT + timedelta(minutes=minute), reason="abuse", text=f"of minute {minute}"))


def carry(folder: JobFolder, *words: str) -> list[str]:
    return list(carry_out([*words, JOB] if words else [], folder.path.parent))


def test_a_released_video_is_reported_again_and_told_until_somebody_decides_about_that(folder: JobFolder) -> None:
    """Whatever was sent before: nobody makes a video immune by reporting it himself."""
    report(folder, *range(51))
    carry(folder, "release")
    assert find_standing(folder) == "released"
    report(folder, 61)
    assert find_standing(folder) == "reported again"
    assert "of minute 61  [reported again]" in carry(folder)[0]
    assert "of minute 61" in carry(folder, "release")[-2]
    assert find_standing(folder) == "released"
    assert read_reports(folder)[0].text == "of minute 2"


def test_a_reason_that_only_a_newer_app_knows_is_kept_with_the_rest(folder: JobFolder) -> None:
    add_report(folder, Report(at=AT, reason="impersonation", text="me"))
    report(folder, 1)
    assert [one.reason for one in read_reports(folder)] == ["impersonation", "abuse"]


def test_the_server_can_read_what_root_has_decided(folder: JobFolder) -> None:
    if os.geteuid() == 0:
        os.chown(folder.path, NOBODY, NOBODY)
    report(folder, 1)
    carry(folder, "release")
    assert folder.decision.stat().st_uid == folder.path.stat().st_uid


def test_reports_that_cannot_be_read_keep_nobody_from_the_others(folder: JobFolder) -> None:
    report(folder, 1)
    for letter, name in (("B", "reports"), ("C", "decision")):
        (folder.path.with_name(letter * 22) / f"{name}.json").mkdir(parents=True)
    listed = carry(folder)
    assert sorted(line.split()[0] for line in listed) == ["A" * 22, "B" * 22, "C" * 22]
    assert sum(line.endswith("cannot be read  [reported]") for line in listed) == 2


@pytest.mark.parametrize("words", [(), ("show",), ("release",)])
def test_a_folder_that_is_not_the_apps_has_not_just_no_reports(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ReportCommandError, match=r"There is no folder .*elsewhere/jobs'. Set VIDEO_LAB_DATA_DIR"):
        carry(JobFolder(tmp_path / "elsewhere" / "jobs" / JOB), *words)


def test_the_command_says_where_it_looked_and_what_it_may_not_use(folder: JobFolder) -> None:
    assert carry(folder) == [f"Nothing was reported of the videos in '{folder.path.parent}'."]
    report(folder, 1)
    folder.decision.with_name("decision.json.part").mkdir()
    with pytest.raises(ReportCommandError, match=r"decision.json.part' cannot be used"):
        carry(folder, "release")
