"""What has to happen on time even if nobody visits: nothing is kept longer than promised.

While the web container is running, it sees to all of this itself, and the sweep does nothing. The next web container
finds what the sweep has done in the jobs' records.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from app.errors import JobNotFoundError
from app.jobs import RunEnd
from app.jobs.clock import Clock
from app.jobs.job import JobState
from app.jobs.registry import Registry
from app.jobs.runners.protocol import read_end
from app.records import ENDED, JobRecord
from app.remote.store import PRESENCE_KEY, JobKeys, is_present
from app.starts import KeyValueStore
from app.storage import JobFolder, JobStore, is_abandoned
from pipeline.engines import get_engine_spec
from pipeline.notices import Notice

LATE = timedelta(minutes=10)
"""How late something may be because the web container is just starting."""

FREE_KEPT = timedelta(hours=1)
"""How long a job that the web container makes itself may stay undone while there is none."""

_COMMAND_VALUES_KEPT_SECONDS = 24 * 3600.0
_COMMAND = "command-"
_ID_LENGTH = 22
_log = logging.getLogger(__name__)


class SweepContext(KeyValueStore, Protocol):
    """What the sweep needs from the place where it runs."""

    def list_keys(self) -> list[str]:
        """Return all keys of the store."""
        ...

    def delete_value(self, key: str) -> None:
        """Delete a key from the store."""
        ...

    def spawn(self, job_id: str) -> str:
        """Start the run of a job, and return the call's id."""
        ...


class Sweeper:
    """Does what the web container would, were it running: ends jobs, starts them, and applies the retention policy."""

    def __init__(
        self,
        root: Path,
        context: SweepContext,
        kept: timedelta,
        seal: Callable[[JobRecord, JobFolder], bool] = lambda _record, _folder: False,
    ) -> None:
        """Prepare the sweep.

        Args:
            root: A data folder of its own, in which the folder of jobs is shared.
            context: Has the store and the runs.
            kept: How long results are kept.
            seal: Signs a video that is done, and says whether it did.
        """
        self._seal = seal
        self._jobs = root / "jobs"
        self._context = context
        self._kept = kept
        self._store = JobStore(root)
        self._registry = Registry(self._store, Clock(self._store.clock))

    def sweep(self, now: datetime) -> bool:
        """Do what is due at this moment. Returns False if it was left to the web container."""
        if is_present(self._context.read_value(PRESENCE_KEY)):
            return False
        for state in sorted(self._load(now), key=lambda state: state.record.created_at):
            if state.record.status in ENDED:
                self._registry.clear(state)
            else:
                self._move_on(state, now)
        self._registry.sweep(now)
        self._delete_values()
        return True

    def holds_jobs(self) -> bool:
        """Say whether jobs of batches wait to be checked and priced: only the web container does that."""
        return any(record.held and record.status not in ENDED for record in self._read_all())

    def close(self) -> None:
        """Release the folder."""
        self._store.close()

    def _load(self, now: datetime) -> Iterator[JobState]:
        """Yield the jobs whose records can be read; a folder that never got one is deleted."""
        for path in self._jobs.iterdir():
            try:
                yield self._registry.add(JobFolder(path).read())
            except JobNotFoundError:
                if is_abandoned(path) and _find_age(path, now) > LATE:
                    shutil.rmtree(path, ignore_errors=True)
            except (ValidationError, OSError) as error:
                _log.warning("job %.6s is left alone: %s", path.name, type(error).__name__)

    def _read_all(self) -> Iterator[JobRecord]:
        for path in self._jobs.iterdir():
            with suppress(JobNotFoundError, ValidationError, OSError):
                yield JobFolder(path).read()

    def _move_on(self, state: JobState, now: datetime) -> None:
        record, folder = state.record, self._registry.folder(state)
        age = now - record.created_at
        if record.held:
            return  # nobody has looked at its files or asked for its price
        if (end := read_end(folder)) is not None:
            if end.finished_at is None or now - end.finished_at > LATE:
                self._end(state, end)
        elif not get_engine_spec(record.model).needs_gpu:
            if age > FREE_KEPT:
                lost = Notice("job.interrupted", "request", {"attempts": max(record.attempts, 1)})
                self._registry.end(state, RunEnd("failed", error=lost), self._kept)
        elif age > LATE:
            self._hand_over(JobKeys(record.id))

    def _end(self, state: JobState, end: RunEnd) -> None:
        """Record how a run ended; its video is signed first."""
        if end.result is not None:
            is_signed = self._seal(state.record, self._registry.folder(state))
            end = replace(end, result=end.result.model_copy(update={"content_credentials": is_signed}))
        self._registry.end(state, end, self._kept)

    def _hand_over(self, keys: JobKeys) -> None:
        """Start a job that a web container has accepted but did not live to start."""
        if not self._context.read_value(keys.call):
            self._context.write_value(keys.call, self._context.spawn(keys.job_id))

    def _delete_values(self) -> None:
        going_on = {state.record.id for state in self._registry if state.record.status not in ENDED}
        known = {path.name for path in self._jobs.iterdir()}
        for key in self._context.list_keys():
            owner, _, rest = key.partition("/")
            is_over = owner in known and owner not in going_on
            if rest and (is_over or _is_old_command(owner) or (_is_job(owner) and owner not in known)):
                self._context.delete_value(key)


def _find_age(path: Path, now: datetime) -> timedelta:
    return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _is_job(owner: str) -> bool:
    return len(owner) == _ID_LENGTH


def _is_old_command(owner: str) -> bool:
    moment = owner.removeprefix(_COMMAND)
    is_command = owner.startswith(_COMMAND) and moment.isdigit()
    return is_command and time.time() - int(moment) / 1e9 > _COMMAND_VALUES_KEPT_SECONDS
