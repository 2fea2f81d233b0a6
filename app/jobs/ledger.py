"""Every job that is known: in memory, and written down in its folder until it is forgotten."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from app.errors import JobNotFoundError
from app.jobs.entry import Entry
from app.jobs.expiry import find_duty
from app.jobs.runner import RunEnd
from app.records import ENDED, STATUSES, JobRecord, JobRequest, Status
from app.storage import JobFolder, JobStore

_log = logging.getLogger(__name__)


class Ledger:
    """The jobs' records. Their folders are the store's."""

    def __init__(self, store: JobStore) -> None:
        """Begin without jobs.

        Args:
            store: The data folder.
        """
        self._store = store
        self._entries: dict[str, Entry] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def load(self) -> Iterator[Entry]:
        """Yield the jobs that an earlier server left, oldest first."""
        for record in self._store.load():
            yield self.add(record)

    def add(self, record: JobRecord) -> Entry:
        """Take in a job whose record is in its folder."""
        entry = self._entries[record.id] = Entry(record)
        return entry

    def find(self, job_id: str) -> Entry:
        """Return the job.

        Raises:
            JobNotFoundError: There is none.
        """
        try:
            return self._entries[job_id]
        except KeyError:
            raise JobNotFoundError from None

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
        folder = self.folder(entry)
        if entry.record.status in ENDED:
            if entry.record.status != "done":
                folder.delete_files()  # what a run made that went on after it was cancelled
            return False
        now = datetime.now(UTC)
        entry.progress = None
        self.save(entry, status=end.status, finished_at=now, expires_at=now + kept, result=end.result, error=end.error)
        folder.delete_inputs()
        return True

    def erase(self, entry: Entry) -> None:
        """Delete the files and what was asked for; that there was a job is still known for some days."""
        if entry.record.erased:
            return
        self.folder(entry).delete_files()
        blank = JobRequest(profile=entry.record.request.profile)
        self.save(entry, erased=True, request=blank, result=None, notices=())

    def sweep(self, now: datetime) -> None:
        """Do to every job what is due: write it down at last, delete files, forget it."""
        for entry in self:
            try:
                self._tidy(entry, now)
            except OSError as error:  # the others are swept all the same, and this one again
                _log.error("job %.6s could not be tidied up: %s", entry.record.id, error.strerror)

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs there are of each status."""
        counted = Counter(entry.record.status for entry in self)
        return {status: counted[status] for status in STATUSES}

    def _tidy(self, entry: Entry, now: datetime) -> None:
        if not entry.is_kept:
            self._write(entry)
        match find_duty(entry.record, now):
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
