"""What was reported about a job's video, and what was decided: two files in the job's folder, which go with it.

The server writes the reports and a command the decision, so that neither waits for the other, nor takes what the other
wrote away. Both look at the files alone: what one of them writes counts for the other at once.
"""

from contextlib import suppress
from typing import Literal, get_args

from pydantic import AwareDatetime, ValidationError

from app.records import Stored
from app.storage import JobFolder, write_whole

Reason = Literal["consent", "deception", "abuse", "law", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)
Verdict = Literal["released", "removed"]
Standing = Literal["reported", "released", "removed"]
"""Of a video that was reported: hidden until somebody has looked, shown again, or deleted."""

MAX_CHARACTERS = 1000
"""Of what somebody writes."""
_MOST_REPORTS = 20
"""How many are kept of a video. It is hidden by the first."""


class Report(Stored):
    """What somebody reported. Nothing is kept of who it was.

    Attributes:
        at: When.
        reason: Which of the reasons was chosen.
        text: What was written, by anybody and about anything.
    """

    at: AwareDatetime
    reason: Reason
    text: str = ""


class _Reports(Stored):
    reports: tuple[Report, ...] = ()


class _Decision(Stored):
    verdict: Verdict
    at: AwareDatetime


def find_standing(folder: JobFolder) -> Standing | None:
    """Return how a job's video stands; None if nobody has reported it.

    A report that cannot be read hides its video all the same, and a decision that cannot be read shows none.
    """
    with suppress(FileNotFoundError, ValidationError):
        return _Decision.model_validate_json(folder.decision.read_bytes()).verdict
    return "reported" if folder.reports.exists() else None


def read_reports(folder: JobFolder) -> tuple[Report, ...]:
    """Return what was reported, oldest first, as far as it can be read."""
    with suppress(FileNotFoundError, ValidationError):
        return _Reports.model_validate_json(folder.reports.read_bytes()).reports
    return ()


def add_report(folder: JobFolder, report: Report) -> None:
    """Keep a report, unless there are enough."""
    known = read_reports(folder)
    if len(known) < _MOST_REPORTS:
        write_whole(folder.reports, _Reports(reports=(*known, report)).model_dump_json())


def decide(folder: JobFolder, verdict: Verdict, at: AwareDatetime) -> None:
    """Keep what was decided. What is removed is deleted at once; the server then deletes the rest of the job."""
    write_whole(folder.decision, _Decision(verdict=verdict, at=at).model_dump_json())
    if verdict == "removed":
        folder.delete_video()
