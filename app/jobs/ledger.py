"""Every job that is known: in memory, and written down in its folder until it is forgotten."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.jobs.expiry import find_duty
from app.jobs.runner import RunEnd
from app.records import ENDED, STATUSES, JobRecord, JobRequest, Status
from app.storage import JobFolder, JobStore

_log = logging.getLogger(__name__)


class Ledger:
    """The jobs' records. Their folders are the store's."""

    def __init__(self, store: JobStore, clock: Clock) -> None:
        """Begin without jobs.

        Args:
            store: The data folder.
            clock: Of the times in records.
        """
        self._store = store
        self._clock = clock
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def load(self) -> Iterator[Entry]:
        """Yield the jobs that an earlier server left, oldest first."""
        for record in self._store.load():
            yield self.add(record)

    def add(self, record: JobRecord, client: str = "") -> Entry:
        """Take in a job whose record is in its folder."""
        entry = self._entries[record.id] = Entry(record, client, self._clock.steady)
        return entry

    def find(self, job_id: str) -> Entry:
        """Return the job.

        Raises:
            JobNotFoundError: There is none, or its record cannot be read.
        """
        try:
            return self._entries[job_id]
        except KeyError:
            raise self._store.explain_missing(job_id) from None

    @property
    def num_unwritten(self) -> int:
        """How many records are not on the disk as they are here."""
        return sum(not entry.is_kept for entry in self._entries.values())

    def folder(self, entry: Entry) -> JobFolder:
        """Return the job's files."""
        return self._store.folder(entry.record.id)

    def save(self, entry: Entry, **changes: object) -> None:
        """Change the record, write it down, and tell everyone who follows the job."""
        entry.record = entry.record.model_copy(update=changes)
        self._write(entry)
        entry.tell()

    def end(self, entry: Entry, end: RunEnd, kept: timedelta) -> bool:
        """Write down how the job ended, once, and delete what nobody needs any more.

        Args:
            entry: The job.
            end: How.
            kept: How long the video is.

        Returns:
            Whether it had not ended before.
        """
        if entry.record.status in ENDED:
            self.clear(entry)  # what a run made that went on after it was cancelled
            return False
        finished_at = self._clock.take(end.finished_at) or self._clock.now()
        run_seconds = self._measure_run(entry, end)
        entry.progress = None
        self.save(
            entry,
            status=end.status,
            started_at=self._clock.take(end.started_at) or entry.record.started_at,
            finished_at=finished_at,
            expires_at=finished_at + kept,
            run_seconds=run_seconds,
            result=end.result,
            error=end.error,
            cost=end.cost,
        )
        self.clear(entry)
        return True

    def clear(self, entry: Entry) -> None:
        """Delete what nobody needs of a job that has ended; not before its end is on the disk."""
        if not entry.is_kept:
            return
        if entry.record.status == "done":
            self.folder(entry).delete_inputs()
        else:
            self.folder(entry).delete_files()

    def erase(self, entry: Entry) -> None:
        """Delete the files and what was asked for; that there was a job is still known for some days."""
        if entry.record.erased:
            return
        self.folder(entry).delete_files()
        record = entry.record
        blank = JobRequest(profile=record.request.profile)
        kept = record.known | {"erased": True, "request": blank, "resolved": None, "result": None, "notices": ()}
        entry.record = JobRecord(**kept)  # without the fields that this version does not know
        self.save(entry)

    def sweep(self, now: datetime | None = None) -> None:
        """Do to every job what is due: write it down at last, delete files, forget it.

        Args:
            now: The moment; None asks the clock.
        """
        self._clock.check()
        for entry in self:
            try:
                self._tidy(entry, now or self._clock.now())
            except OSError as error:  # the others are swept all the same, and this one again
                _log.error("job %.6s could not be tidied up: %s", entry.record.id, error.strerror)

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs there are of each status."""
        counted = Counter(entry.record.status for entry in self)
        return {status: counted[status] for status in STATUSES}

    def _measure_run(self, entry: Entry, end: RunEnd) -> float | None:
        if end.cost is not None:
            return end.cost.seconds
        return None if entry.begun_at is None else self._clock.steady - entry.begun_at

    def _tidy(self, entry: Entry, now: datetime) -> None:
        if not entry.is_kept:
            self._write(entry)
            if entry.record.status in ENDED:
                self.clear(entry)
        match find_duty(entry.record, now) if self._clock.may_erase else None:
            case "forget":
                self._store.delete(entry.record.id)
                del self._entries[entry.record.id]
            case "erase":
                self.erase(entry)
            case "delete live clips":
                self.folder(entry).delete_live_clips()

    def _write(self, entry: Entry) -> None:
        """Write the record. A disk that is full ends no job: until there is room, the record is here alone."""
        was_kept, entry.is_kept = entry.is_kept, True
        try:
            self.folder(entry).write(entry.record)
        except OSError as error:
            entry.is_kept = False
            if was_kept:
                _log.error("job %.6s could not be written down: %s", entry.record.id, error.strerror)
