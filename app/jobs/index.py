"""Where in the order of their age jobs stand: of each owner, and of all together."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from app.jobs.job import JobState

Age = tuple[datetime, str]
"""When a job was accepted, and its id: no two are alike, and neither ever changes."""

_Line = tuple[datetime, str, JobState]


class JobIndex:
    """Jobs in the order of their age, so that none has to be sorted when a list is asked for."""

    def __init__(self) -> None:
        self._all: list[_Line] = []
        self._by_owner: defaultdict[str, list[_Line]] = defaultdict(list)

    def add(self, state: JobState) -> None:
        """Add a job."""
        for lines in self._find_lists(state):
            insort(lines, (*find_age(state), state), key=_read_age)

    def remove(self, state: JobState) -> None:
        """Take a job out."""
        for lines in self._find_lists(state):
            del lines[bisect_left(lines, find_age(state), key=_read_age)]
        if state.record.owner and not self._by_owner[state.record.owner]:
            del self._by_owner[state.record.owner]

    def list_older(self, owner: str | None, than: Age | None) -> Iterator[JobState]:
        """Yield jobs, the newest first.

        Args:
            owner: Whose; None for those of all, and of none.
            than: Only those that are older than this; None begins with the newest.
        """
        lines = self._all if owner is None else self._by_owner.get(owner, [])
        end = len(lines) if than is None else bisect_left(lines, than, key=_read_age)
        return (lines[place][2] for place in range(end - 1, -1, -1))

    def _find_lists(self, state: JobState) -> list[list[_Line]]:
        owner = state.record.owner
        return [self._all] if owner is None else [self._all, self._by_owner[owner]]


def find_age(state: JobState) -> Age:
    """Return the job's place in the order."""
    return state.record.created_at, state.record.id


def _read_age(line: _Line) -> Age:
    return line[0], line[1]
