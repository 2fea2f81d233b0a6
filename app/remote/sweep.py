"""What has to happen on time though nobody visits: nothing may stay longer than it was promised.

While the web container is there, all of it is its own affair, and the sweep does nothing. The next web container finds
what the sweep has done in the jobs' records.
"""

import logging
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from app.errors import JobNotFoundError
from app.jobs import RunEnd
from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.jobs.ledger import Ledger
from app.records import ENDED
from app.remote import presence
from app.remote.notes import NoteKeys
from app.remote.outcome import read_end
from app.storage import JobFolder, JobStore, is_abandoned
from pipeline.notices import Notice

LATE = timedelta(minutes=10)
"""By how much something may be late because the web container is just starting."""

PREVIEW_KEPT = timedelta(hours=1)
_COMMAND_NOTES_KEPT_SECONDS = 24 * 3600.0
_COMMAND = "command-"
_ID_LENGTH = 22
_log = logging.getLogger(__name__)


class SweepDesk(Protocol):
    """What the sweep needs of the place where it is."""

    def read_note(self, key: str) -> str | None:
        """Return what was noted under the key, by anyone."""
        ...

    def write_note(self, key: str, note: str) -> None:
        """Note something for everyone."""
        ...

    def list_notes(self) -> list[str]:
        """Return the keys of all notes."""
        ...

    def delete_note(self, key: str) -> None:
        """Forget what was noted under the key."""
        ...

    def spawn(self, job_id: str) -> str:
        """Begin the run of a job, and return the call's id."""
        ...


class Sweeper:
    """Ends, erases, forgets and begins what the web container would, were it there."""

    def __init__(self, root: Path, desk: SweepDesk, kept: timedelta) -> None:
        """Prepare it.

        Args:
            root: A data folder of its own, whose jobs are everyone's.
            desk: Notes and calls.
            kept: How long results are.
        """
        self._jobs = root / "jobs"
        self._desk = desk
        self._kept = kept
        self._store = JobStore(root)
        self._ledger = Ledger(self._store, Clock(self._store.clock))

    def sweep(self, now: datetime) -> bool:
        """Do what is due at this moment. Returns whether it was not left to the web container."""
        if presence.is_there(self._desk.read_note(presence.KEY)):
            return False
        for entry in sorted(self._load(now), key=lambda entry: entry.record.created_at):
            if entry.record.status in ENDED:
                self._ledger.clear(entry)
            else:
                self._move_on(entry, now)
        self._ledger.sweep(now)
        self._forget_notes()
        return True

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()

    def _load(self, now: datetime) -> Iterator[Entry]:
        """Yield the jobs whose records can be read; a folder that never got one is deleted."""
        for path in self._jobs.iterdir():
            try:
                yield self._ledger.add(JobFolder(path).read())
            except JobNotFoundError:
                if is_abandoned(path) and _find_age(path, now) > LATE:
                    shutil.rmtree(path, ignore_errors=True)
            except (ValidationError, OSError) as error:
                _log.warning("job %.6s is left as it is: %s", path.name, type(error).__name__)

    def _move_on(self, entry: Entry, now: datetime) -> None:
        record, folder = entry.record, self._ledger.folder(entry)
        age = now - record.created_at
        if (end := read_end(folder)) is not None:
            if end.finished_at is None or now - end.finished_at > LATE:
                self._ledger.end(entry, end, self._kept)
        elif record.model == "preview":
            if age > PREVIEW_KEPT:
                lost = Notice("job.interrupted", "request", {"attempts": max(record.attempts, 1)})
                self._ledger.end(entry, RunEnd("failed", error=lost), self._kept)
        elif age > LATE:
            self._hand_over(NoteKeys(record.id))

    def _hand_over(self, keys: NoteKeys) -> None:
        """Begin what a web container has promised and was gone before it could begin it."""
        if not self._desk.read_note(keys.call):
            self._desk.write_note(keys.call, self._desk.spawn(keys.job_id))

    def _forget_notes(self) -> None:
        going_on = {entry.record.id for entry in self._ledger if entry.record.status not in ENDED}
        known = {path.name for path in self._jobs.iterdir()}
        for key in self._desk.list_notes():
            owner, _, rest = key.partition("/")
            is_over = owner in known and owner not in going_on
            if rest and (is_over or _is_old_command(owner) or (_is_job(owner) and owner not in known)):
                self._desk.delete_note(key)


def _find_age(path: Path, now: datetime) -> timedelta:
    return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _is_job(owner: str) -> bool:
    return len(owner) == _ID_LENGTH


def _is_old_command(owner: str) -> bool:
    moment = owner.removeprefix(_COMMAND)
    is_command = owner.startswith(_COMMAND) and moment.isdigit()
    return is_command and time.time() - int(moment) / 1e9 > _COMMAND_NOTES_KEPT_SECONDS
