"""How many jobs are how: counted as they change, since anybody may ask, and to look through all takes too long."""

from collections import Counter

from app.jobs.job import JobState
from app.records import Status
from app.reports.book import Standing


class Tally:
    """Counts jobs by status, by how their videos stand, and those whose records are not on the disk.

    Attributes:
        statuses: How many jobs have each status.
        standings: How many videos stand how; most, which nobody has reported, under None.
        num_unwritten: How many records are not on the disk.
    """

    def __init__(self) -> None:
        self.statuses: Counter[Status] = Counter()
        self.standings: Counter[Standing | None] = Counter()
        self.num_unwritten = 0
        self._counted: dict[str, tuple[Status, Standing | None, bool]] = {}

    def count(self, state: JobState) -> None:
        """Count a job as it is now, and no more as it was."""
        now = state.record.status, state.standing, state.is_persisted
        was = self._counted.get(state.record.id)
        if now != was:
            self.drop(state)
            self._counted[state.record.id] = now
            self._add(now, 1)

    def drop(self, state: JobState) -> None:
        """Count a job no more."""
        if was := self._counted.pop(state.record.id, None):
            self._add(was, -1)

    def _add(self, counted: tuple[Status, Standing | None, bool], number: int) -> None:
        status, standing, is_persisted = counted
        self.statuses[status] += number
        self.standings[standing] += number
        self.num_unwritten += 0 if is_persisted else number
