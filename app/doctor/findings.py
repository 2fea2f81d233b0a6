"""What was found, and how it is told."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Grade = Literal["well", "note", "fault"]

_MARKS: dict[Grade, str] = {"well": "ok   ", "note": "note ", "fault": "FAULT"}


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes:
        grade: well; a note, which may be meant; or a fault, with which something does not work.
        about: What was looked at.
        told: How it is; of a fault, also what to do.
    """

    grade: Grade
    about: str
    told: str


def tell(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each finding, as they come, and one that sums them up."""
    counts: dict[Grade, int] = dict.fromkeys(_MARKS, 0)
    for finding in findings:
        counts[finding.grade] += 1
        yield f"{_MARKS[finding.grade]}  {finding.about}: {finding.told}"
    yield f"{counts['well']} well, {counts['note']} to note, {counts['fault']} faults."
