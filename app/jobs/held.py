"""Jobs of batches: taken all or none, and kept outside the queues until there is room for each."""

import asyncio
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.accounts.limits import Entry
from app.errors import BatchRowError, BatchTooLargeError, QueueFullError, UploadNotFoundError
from app.jobs.admission import Admission
from app.jobs.checks import give_consent
from app.jobs.feeder import Feeder
from app.jobs.job import Draft, JobState
from app.jobs.registry import Registry
from app.jobs.runners.protocol import RunEnd
from app.records import INPUT_NAMES, JobRecord
from app.storage import explain_full_disk, make_id, try_link
from pipeline.engines import get_profile
from pipeline.version import VERSION

_MOST_HELD, _MOST_HELD_OF_ONE = 10_000, 2_000
"""Jobs of batches that wait outside the queue: each is a folder on the disk."""
_MOST_COPIED_BYTES = 4_000_000_000
"""What the files of a batch may have where each of its jobs needs a copy."""
_RETRY_SECONDS = 60


class HeldJobs:
    """The jobs that wait in their batches, and what lets them join the queues."""

    def __init__(self, admission: Admission, registry: Registry, end: Callable[[JobState, RunEnd], None]) -> None:
        """Prepare the work.

        Args:
            admission: Decides about each job.
            registry: Has all jobs.
            end: Records how a job ended.
        """
        self._admission = admission
        self._queues, self._store, self._ledger = admission.queues, admission.store, admission.ledger
        self._registry, self._is_paused = registry, False
        self._taking: Counter[str] = Counter()
        self._feeder = Feeder(
            self._queues,
            registry,
            lambda state: admission.check_held(state, registry.folder(state)),
            end,
            may_begin=self._may_begin,
            hold_again=lambda state: self._ledger.hold_again(state.record.id),
            num_places=admission.settings.queue_size,
        )

    def start(self) -> None:
        """Let jobs join the queues from now on."""
        self._feeder.start()

    def pause(self) -> None:
        """Let no more of them join: the server is stopping."""
        self._is_paused = True

    async def close(self) -> None:
        """Stop; what is held stays held."""
        await self._feeder.close()

    def keep_known(self, states: Iterable[JobState], knows_batch: Callable[[str], bool]) -> list[JobState]:
        """Delete the jobs that are held for batches which were never accepted, and return all others."""
        kept = []
        for state in states:
            record = state.record
            if record.held and record.status == "queued" and not knows_batch(str(record.batch_id)):
                self._registry.forget(state)
            else:
                kept.append(state)
        return kept

    async def take(
        self, drafts: Sequence[Draft], owner: str | None, client: str, commit: Callable[[Sequence[str]], None]
    ) -> list[JobState]:
        """Take the jobs of a batch, all or none; see `Jobs.hold`."""
        records = [self._draw_up(draft, make_id()) for draft in drafts]
        with self._hold_places(len(records), client), explain_full_disk():
            self._ledger.reserve(owner, list(map(self._enter, records)), are_held=True)
            try:
                await asyncio.to_thread(self._write, drafts, records)
                await self._admission.persist(self._store.folder(records[-1].id))
                commit([record.id for record in records])
                # Only now: what accepts the jobs is never kept without them.
                await self._admission.persist(self._store.folder(records[-1].id))
            except BaseException:
                self._drop(records)
                raise
            states = [self._registry.add(record, client) for record in records]
            for state in states:
                self._admission.find_queue(state.record.model).hold(state)
        return states

    @contextmanager
    def _hold_places(self, num_jobs: int, client: str) -> Iterator[None]:
        """Count jobs that are being taken, so that no other batch takes their places."""
        self._check_room(num_jobs, client)
        self._taking[client] += num_jobs
        try:
            yield
        finally:
            self._taking -= Counter({client: num_jobs})

    def _check_room(self, num_jobs: int, client: str) -> None:
        num_held = sum(len(queue.held) for queue in self._queues) + self._taking.total()
        num_own = sum(queue.held.count(client) for queue in self._queues) + self._taking[client]
        if num_own + num_jobs > _MOST_HELD_OF_ONE:
            raise QueueFullError(num_own, _RETRY_SECONDS, "jobs of batches", is_share=True)
        if num_held + num_jobs > _MOST_HELD:
            raise QueueFullError(num_held, _RETRY_SECONDS, "jobs of batches")

    def _enter(self, record: JobRecord) -> Entry:
        dollars = self._admission.predict_price(record)
        return Entry(record.id, record.request.profile, record.created_at.timestamp(), dollars, record.reference)

    def _write(self, drafts: Sequence[Draft], records: Sequence[JobRecord]) -> None:
        """Make the folders of jobs, with links to their files; they count once their batch does."""
        unlinked: list[tuple[int, Path, Path]] = []
        for number, (draft, record) in enumerate(zip(drafts, records, strict=True)):
            _, folder = self._store.begin(record.id)
            places = [(file, folder.path / INPUT_NAMES[role]) for role, file in draft.inputs.items()]
            with _naming(number):
                unlinked += [(number, *place) for place in places if not try_link(*place)]
            folder.draft(record)
        self._copy(unlinked)
        os.sync()  # once for all of them, which takes no longer than for a few

    def _copy(self, unlinked: Sequence[tuple[int, Path, Path]]) -> None:
        """Copy files where the disk knows no links: one upload may be in every row."""
        num_bytes = 0
        for number, file, _ in unlinked:
            with _naming(number):
                num_bytes += file.stat().st_size
        if num_bytes > _MOST_COPIED_BYTES:
            raise BatchTooLargeError(num_bytes, _MOST_COPIED_BYTES)
        self._store.check_free(num_bytes)
        for number, file, target in unlinked:
            with _naming(number):
                shutil.copyfile(file, target)

    def _drop(self, records: Sequence[JobRecord]) -> None:
        self._ledger.drop(*(record.id for record in records))
        for record in records:
            self._store.delete(record.id)

    def _draw_up(self, draft: Draft, job_id: str) -> JobRecord:
        now, filing = self._admission.clock.now(), draft.filing
        return JobRecord(
            id=job_id,
            model=get_profile(draft.request.profile).model,
            version=VERSION,
            request=draft.request,
            inputs={role: INPUT_NAMES[role] for role in draft.inputs},
            created_at=now,
            consent=give_consent(draft.request, now),
            speech_seconds=draft.speech_seconds,
            held=True,
            owner=filing.owner,
            batch_id=filing.batch_id,
            reference=filing.reference,
            callback_url=filing.callback_url,
        )

    def _may_begin(self, state: JobState) -> bool:
        """Whether a job may join the queue now; it counts among its key's jobs at once from here on."""
        if self._is_paused:
            return False
        with suppress(QueueFullError, sqlite3.Error):
            self._admission.places.check(state.client)
            return self._ledger.begin(state.record.owner, state.record.id)
        return False


@contextmanager
def _naming(number: int) -> Iterator[None]:
    """Name the row whose upload has gone since it was checked."""
    try:
        yield
    except FileNotFoundError:
        raise BatchRowError(number, UploadNotFoundError()) from None
