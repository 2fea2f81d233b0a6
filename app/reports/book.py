"""What was reported about a job's video, and what was decided: two files in the job's folder, which go with it.

The server writes the reports and a command the decision, so that neither waits for the other, nor takes what the other
wrote away. Both look at the files alone: what one of them writes counts for the other at once.
"""

import os
from pathlib import Path
from typing import Literal, TypeVar, get_args

from pydantic import AwareDatetime, ValidationError

from app.records import Stored
from app.storage import JobFolder, write_whole

Reason = Literal["consent", "deception", "abuse", "law", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
Verdict = Literal["released", "removed"]
Standing = Literal["reported", "released", "reported again", "removed"]
"""Of a video that was reported: hidden until somebody has looked, shown again, shown though there are new reports, or
deleted."""

MAX_CHARACTERS = 1000
"""Of what somebody writes."""
_MOST_REPORTS = 50
"""How many are kept of a video, the newest. It is hidden by the first."""


class Report(Stored):
    """What somebody reported. Nothing is kept of who it was.

    Attributes:
        at: When.
        reason: Which of the reasons was chosen; a newer app may know others.
        text: What was written, by anybody and about anything.
    """

    at: AwareDatetime
    reason: str
    text: str = ""


class _Reports(Stored):
    reports: tuple[Report, ...] = ()


class _Decision(Stored):
    """What was decided, and the time of the newest report that was there then."""

    verdict: Verdict
    at: AwareDatetime
    seen: AwareDatetime | None = None


_File = TypeVar("_File", _Reports, _Decision)


def find_standing(folder: JobFolder) -> Standing | None:
    """Return how a job's video stands; None if nobody has reported it.

    What is there and cannot be read hides the video: it may say so.
    """
    try:
        decision = _read(folder.decision, _Decision)
        if decision is None:
            return "reported" if folder.reports.exists() else None
        return "reported again" if _is_reported_since(folder, decision) else decision.verdict
    except (OSError, ValidationError):
        return "reported"


def read_reports(folder: JobFolder) -> tuple[Report, ...]:
    """Return what was reported, oldest first; nothing if it is damaged.

    Raises:
        OSError: It cannot be read.
    """
    try:
        found = _read(folder.reports, _Reports)
    except ValidationError:
        return ()
    return found.reports if found else ()


def add_report(folder: JobFolder, report: Report) -> None:
    """Keep a report, in place of the oldest if there are enough.

    Raises:
        OSError: It cannot be written, or the others cannot be read.
    """
    reports = (*read_reports(folder), report)[-_MOST_REPORTS:]
    write_whole(folder.reports, _Reports(reports=reports).model_dump_json())


def decide(folder: JobFolder, verdict: Verdict, at: AwareDatetime) -> tuple[Report, ...]:
    """Keep what was decided. What is removed is deleted at once; the server then deletes the rest of the job.

    Returns:
        The reports that it is about. Later ones wait for a decision of their own.

    Raises:
        OSError: It cannot be written, or not so that the server can read it.
    """
    reports = read_reports(folder)
    decision = _Decision(verdict=verdict, at=at, seen=max((report.at for report in reports), default=None))
    write_whole(folder.decision, decision.model_dump_json())
    os.chown(folder.decision, folder.path.stat().st_uid, -1)  # root may have decided; the server is somebody else
    if verdict == "removed":
        folder.delete_video()
    return reports


def _is_reported_since(folder: JobFolder, decision: _Decision) -> bool:
    if decision.verdict == "removed":
        return False
    return any(decision.seen is None or report.at > decision.seen for report in read_reports(folder))


def _read(path: Path, kind: type[_File]) -> _File | None:
    """Return what is in a file; None if there is none."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
