"""The registry of all jobs: in memory and on disk, until the retention policy forgets them."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal

from app.accounts.limits import name_turn
from app.errors import JobExpiredError, JobHiddenError, JobNotFinishedError, JobNotFoundError
from app.jobs.clock import Clock
from app.jobs.index import Age, JobIndex
from app.jobs.job import JobState, is_expired
from app.jobs.runners.protocol import RunEnd
from app.jobs.tally import Tally
from app.records import ENDED, STATUSES, JobRecord, Status
from app.reports.book import Reason, Report, Standing, add_report, find_standing
from app.storage import JobFolder, JobStore
from pipeline.request import VideoRequest

RetentionStep = Literal["forget", "erase", "delete live segments"]

TOMBSTONE = timedelta(days=7)
"""How long a job is remembered after its files have been deleted."""

LIVE_SEGMENTS_KEPT = timedelta(minutes=1)
"""How long live segments are kept after the job's end: someone may still be watching them."""

_SWEEP_SECONDS = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """Which jobs a list is to have.

    Attributes:
        status: Only those that have it; None for any.
        reference: Only those that their client gave this name; None for any.
    """

    status: Status | None = None
    reference: str | None = None

    def is_met(self, record: JobRecord) -> bool:
        """Whether a job is wanted."""
        is_met = self.status is None or record.status == self.status
        return is_met and (self.reference is None or record.reference == self.reference)


def find_retention_step(record: JobRecord, now: datetime) -> RetentionStep | None:
    """Return what the retention policy requires for a job at this moment."""
    if record.expires_at is None or record.finished_at is None:
        return None
    if now >= record.expires_at + TOMBSTONE:
        return "forget"
    if now >= record.expires_at:
        return None if record.erased else "erase"
    return "delete live segments" if now >= record.finished_at + LIVE_SEGMENTS_KEPT else None


class Registry:
    """All jobs and their records. Their folders belong to the store."""

    def __init__(self, store: JobStore, clock: Clock) -> None:
        """Start without jobs.

        Args:
            store: The data folder.
            clock: Keeps the time of the records.
        """
        self._store = store
        self._clock = clock
        self._jobs: dict[str, JobState] = {}
        self._index = JobIndex()
        self._tally = Tally()

    def __iter__(self) -> Iterator[JobState]:
        return iter(list(self._jobs.values()))

    def load(self) -> Iterator[JobState]:
        """Yield the jobs that an earlier server left, oldest first."""
        for record in self._store.load():
            yield self.add(record, name_turn(record.owner) if record.owner else "")

    def add(self, record: JobRecord, client: str = "") -> JobState:
        """Register a job whose record is in its folder."""
        state = self._jobs[record.id] = JobState(record, client, self._clock.steady)
        self._index.add(state)
        self._tally.count(state)
        return state

    def search(self, owner: str | None, wanted: Wanted, than: Age | None, limit: int) -> list[JobState]:
        """Return the newest jobs that are wanted.

        Args:
            owner: Whose; None for all.
            wanted: Which of them.
            than: Only those that are older than this; None begins with the newest.
            limit: How many at most.
        """
        found = (state for state in self._index.list_older(owner, than) if wanted.is_met(state.record))
        return list(islice(found, limit))

    def list_waiting(self, owner: str) -> list[JobState]:
        """Return the owner's jobs whose runs have not begun, the newest first."""
        return [state for state in self._index.list_older(owner, None) if state.record.status == "queued"]

    def get(self, job_id: str) -> JobState | None:
        """Return the job; None if there is none any more."""
        return self._jobs.get(job_id)

    def forget(self, state: JobState) -> None:
        """Delete a job with all that is known of it."""
        self._store.delete(state.record.id)
        del self._jobs[state.record.id]
        self._index.remove(state)
        self._tally.drop(state)

    def find(self, job_id: str) -> JobState:
        """Return the job.

        Raises:
            JobNotFoundError: There is no such job, or its record cannot be read.
        """
        try:
            return self._jobs[job_id]
        except KeyError:
            raise self._store.explain_missing(job_id) from None

    def find_result(self, job_id: str) -> JobFolder:
        """Return the folder that has the job's video, which may be shown.

        Raises:
            JobNotFoundError: There is no such job, or its record cannot be read.
            JobNotFinishedError: The job is not done.
            JobExpiredError: The video has been deleted.
            JobHiddenError: Somebody has reported the video.
        """
        folder = self._find_video(job_id)
        if find_standing(folder) == "reported":
            raise JobHiddenError(job_id)
        return folder

    def find_segment(self, job_id: str, name: str) -> Path:
        """Return one of the job's live segments, or what comes before the first.

        Raises:
            JobNotFoundError: There is no such job, or no such segment of it that may be shown.
        """
        state = self.find(job_id)
        is_shown = self.find_standing(state) not in {"reported", "removed"}
        segment = self.folder(state).find_segment(name) if is_shown else None
        if segment is None:
            raise JobNotFoundError
        return segment

    def report(self, job_id: str, reason: Reason, text: str) -> JobFolder:
        """Keep what somebody reported of the job's video, and hide it; raises as `find_result` does.

        Returns:
            The folder with the video.
        """
        folder = self._find_video(job_id)
        add_report(folder, Report(at=self._clock.now(), reason=reason, text=text))
        self.find_standing(self.find(job_id))
        return folder

    def find_standing(self, state: JobState) -> Standing | None:
        """Look up, and remember, how the job's video stands that somebody has reported; None if there is none."""
        is_there = state.record.status == "done" and not state.record.erased
        state.standing = find_standing(self.folder(state)) if is_there else None
        self._count(state)
        return state.standing

    def _find_video(self, job_id: str) -> JobFolder:
        record = self.find(job_id).record
        if is_expired(record, self._clock.now()):
            raise JobExpiredError(job_id)
        if record.status != "done":
            raise JobNotFinishedError(job_id, record.status)
        folder = self._store.folder(job_id)
        if find_standing(folder) == "removed":
            raise JobExpiredError(job_id)
        return folder

    def find_troubles(self) -> Iterator[str]:
        """Yield what is wrong with the records and their clock, one sentence each."""
        if number := self._store.num_set_aside:
            yield f"Jobs set aside, because their records cannot be read: {number}. The log names them."
        if number := self._tally.num_unwritten:
            yield f"Records that could not be written to the disk: {number}."
        standings = self._tally.standings
        if number := standings["reported"]:
            yield f"Videos that were reported, and are hidden until somebody looks at them: {number} (docs/trust.md)."
        if number := standings["reported again"]:
            yield f"Videos that are shown, though they were reported again: {number} (docs/trust.md)."
        if trouble := self._clock.trouble:
            yield trouble

    def folder(self, state: JobState) -> JobFolder:
        """Return the job's files."""
        return self._store.folder(state.record.id)

    def save(self, state: JobState, **changes: object) -> None:
        """Change the record, write it to disk and notify everyone who follows the job."""
        state.record = state.record.model_copy(update=changes)
        self._write(state)
        state.notify()

    def end(self, state: JobState, end: RunEnd, kept: timedelta) -> bool:
        """Record how the job ended, once, and delete what nobody needs any more.

        Args:
            state: The job.
            end: How it ended.
            kept: How long the video is kept.

        Returns:
            True if this call ended the job.
        """
        if state.record.status in ENDED:
            self.clear(state)  # a run that went on after it was cancelled may have left files
            return False
        finished_at = self._clock.take(end.finished_at) or self._clock.now()
        run_seconds = self._measure_run(state, end)
        state.progress = None
        self.save(
            state,
            status=end.status,
            started_at=self._clock.take(end.started_at) or state.record.started_at,
            finished_at=finished_at,
            expires_at=finished_at + kept,
            run_seconds=run_seconds,
            result=end.result,
            error=end.error,
            cost=end.cost,
        )
        self.clear(state)
        return True

    def clear(self, state: JobState) -> None:
        """Delete what nobody needs of a job that has ended, but not before its end is on disk."""
        if not state.is_persisted:
            return
        if state.record.status == "done":
            self.folder(state).delete_inputs()
        else:
            self.folder(state).delete_files()

    def erase(self, state: JobState, *, with_reference: bool = False) -> bool:
        """Delete the files and the request. That there was a job is remembered for some days.

        Args:
            state: The job.
            with_reference: Whether its client's own name for it is deleted, too: of what only expires, clients go on
                to ask by that.

        Returns:
            True if this call deleted the files.
        """
        if with_reference and state.record.reference is not None:
            self.save(state, reference=None)
        if state.record.erased:
            return False
        self.folder(state).delete_files()
        record = state.record
        blank = VideoRequest(profile=record.request.profile)
        kept = record.known | {"erased": True, "request": blank, "resolved": None, "result": None, "notices": ()}
        state.record = JobRecord(**kept)  # drops the fields that this version does not know
        self.save(state)
        return True

    def sweep(self, now: datetime | None = None) -> None:
        """Apply the retention policy to every job, and retry the writes that have failed.

        Args:
            now: None takes the time from the clock.
        """
        for _ in self._sweep_each(now):
            pass

    async def sweep_forever(self) -> None:
        """Sweep every few seconds. Between two jobs others have their turn: disks may be slow, and jobs many."""
        while True:
            for _ in self._sweep_each():
                await asyncio.sleep(0)
            await asyncio.sleep(_SWEEP_SECONDS)

    def _sweep_each(self, now: datetime | None = None) -> Iterator[JobState]:
        self._clock.check()
        for state in self:
            try:
                self._apply_retention(state, now or self._clock.now())
            except OSError as error:  # sweep the others all the same; this one is retried
                _log.error("job %.6s could not be swept: %s", state.record.id, error.strerror)
            yield state

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs there are of each status."""
        return {status: self._tally.statuses[status] for status in STATUSES}

    def _count(self, state: JobState) -> None:
        if state.record.id in self._jobs:  # somebody may still hold one that has been forgotten
            self._tally.count(state)

    def _measure_run(self, state: JobState, end: RunEnd) -> float | None:
        if end.cost is not None:
            return end.cost.seconds
        return None if state.begun_at is None else self._clock.steady - state.begun_at

    def _apply_retention(self, state: JobState, now: datetime) -> None:
        if not state.is_persisted:
            self._write(state)
            if state.record.status in ENDED:
                self.clear(state)
        if self.find_standing(state) == "removed":
            self.erase(state)
        match find_retention_step(state.record, now) if self._clock.may_erase else None:
            case "forget":
                self.forget(state)
            case "erase":
                self.erase(state)
            case "delete live segments":
                self.folder(state).delete_live_segments()
                self.folder(state).delete_checkpoint()  # a run elsewhere that was killed may have saved it meanwhile

    def _write(self, state: JobState) -> None:
        """Write the record. A full disk ends no job: until there is room, the record is in memory only."""
        was_persisted, state.is_persisted = state.is_persisted, True
        try:
            self.folder(state).write(state.record)
        except OSError as error:
            state.is_persisted = False
            if was_persisted:
                _log.error("job %.6s could not be written to disk: %s", state.record.id, error.strerror)
        self._count(state)
