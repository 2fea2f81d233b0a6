"""The service that accepts jobs, runs them in turn and keeps them until they expire."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from app.accounts.answers import AnswerBook
from app.accounts.database import FILE_NAME, Database
from app.accounts.ledger import Ledger
from app.bucket import keep_in_bucket
from app.errors import JobNotFoundError, ServerStoppingError
from app.jobs.admission import Admission
from app.jobs.budget import Budget, PriceGuard
from app.jobs.checks import MediaChecks, Places
from app.jobs.clock import Clock
from app.jobs.forecast import Forecaster, SpeedBook
from app.jobs.held import HeldJobs
from app.jobs.index import Age, find_age
from app.jobs.job import UNFILED, Draft, Filing, Glimpse, Job, JobState, glimpse, read_job
from app.jobs.listeners import EventKind, Listener, Listeners
from app.jobs.queue import JobQueue
from app.jobs.registry import Registry, Wanted
from app.jobs.runners.local import LocalRunner
from app.jobs.runners.protocol import JobRunner, RunEnd
from app.quota import ByteQuota, make_verify_quota
from app.records import ENDED, Status
from app.reports.book import Reason
from app.settings import Settings
from app.storage import JobStore, explain_full_disk, make_id
from app.trust.marker import FoundMarks, Marker
from app.trust.sealer import Sealer
from pipeline.engine import Availability
from pipeline.estimate import Estimate
from pipeline.profiles import Model, Profile
from pipeline.request import Inputs, VideoRequest

FindOwner = Callable[[], str | None]
_log = logging.getLogger(__name__)

_LOOK_AT_KEYS_SECONDS = 1.0
_CANCELS_AT_ONCE = 50
_PURGE_SECONDS = 600.0


class Jobs:
    """Accepts jobs, runs them in turn, and keeps them until they expire. For use in one event loop.

    Attributes:
        media: Reads photos and recordings before they belong to a job.
        quota: Counts the bytes of uploads before they belong to a job.
        verify_quota: Counts those of files to verify, which anyone may send: they take no room from those of jobs.
        ledger: Has what keys may do, and what jobs have taken.
        answers: Has what was answered to requests that may be sent again.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        runner: JobRunner | None = None,
        dollars_per_day: float = 0.0,
        database: Database | None = None,
    ) -> None:
        """Prepare the service; `start` starts the work.

        Args:
            settings: Of the app.
            store: The data folder; closed with the service.
            runner: Runs the models that it serves; this machine runs all others, and all where it is None.
            dollars_per_day: What the given runner's jobs may cost in 24 hours; 0 sets no limit.
            database: Has the keys and the book of what jobs take; None opens the one in the data folder.
        """
        self._settings = settings
        self._store = store
        self._clock = Clock(store.clock)
        database = database or Database(settings.data_dir / FILE_NAME)
        self.ledger = Ledger(database, self._read_seconds)
        self._registry = Registry(store, self._clock)
        self.answers = AnswerBook(database, self._read_seconds, lambda job_id: self._registry.get(job_id) is not None)
        self._listeners = Listeners(self._read)
        self._local_runner = LocalRunner(
            settings.engine_settings,
            capacity=settings.workers,
            live=settings.is_live,
            log_level=settings.log_level,
            log_format=settings.log_format,
        )
        runners = [self._local_runner] if runner is None else [self._local_runner, runner]
        self._sealer, self._marker = Sealer(settings), Marker(settings)
        seal = keep_in_bucket(self._sealer.seal, settings.bucket_dir, settings.data_dir / "jobs")
        self._queues = [
            JobQueue(runner, self._registry, self._clock, self._end, self._listeners, seal=seal) for runner in runners
        ]
        self._forecaster = Forecaster(SpeedBook(store.speeds), self.availability)
        budget = Budget(store.spending, dollars_per_day) if dollars_per_day else None
        self._prices = PriceGuard(self._forecaster, self.availability, budget)
        self._places = Places(self._queues, settings.queue_size, self._forecaster)
        self.media = MediaChecks(settings, self._clock)
        self.quota = ByteQuota(settings.max_uploads_bytes)
        self.verify_quota = make_verify_quota(settings)
        self._admission = Admission(
            settings,
            store,
            self._clock,
            self._queues,
            self._local_runner,
            self.media,
            self._marker,
            self._forecaster,
            self._prices,
            self._places,
            self.ledger,
        )
        self._held = HeldJobs(self._admission, self._registry, self._end)
        self._tasks: list[asyncio.Task[None]] = []
        self._is_closing = self._is_draining = False

    async def start(self, knows_batch: Callable[[str], bool] = lambda _: True) -> None:
        """Resume what an earlier server left, and start working.

        Args:
            knows_batch: Says whether a batch was accepted; what is held of others is deleted.
        """
        await self._sealer.prepare()
        states = self._held.keep_known(self._registry.load(), knows_batch)
        set_aside = self._store.set_aside
        self.ledger.reconcile((state.record for state in states), set_aside)
        self.answers.reconcile(chain((state.record.id for state in states), set_aside))
        for state in states:
            if state.record.status in ENDED:
                self._registry.clear(state)
            else:
                await self._queue(state.record.model).recover(state)
        await self._cancel_revoked()
        for queue in self._queues:
            queue.dispatch()
        self._held.start()
        endless = self._registry.sweep_forever(), self._watch_keys(), self._purge_answers()
        self._tasks = [asyncio.create_task(one) for one in endless]

    async def _watch_keys(self) -> None:
        """Cancel what waits of keys that are revoked: nobody is to pay for it, and often nobody else could end it."""
        while True:
            await asyncio.sleep(_LOOK_AT_KEYS_SECONDS)
            try:
                await self._cancel_revoked()
            except Exception:  # noqa: BLE001 - runners fail in ways of their own; it is tried again
                _log.exception("Jobs of a revoked key could not be cancelled")

    async def _cancel_revoked(self) -> None:
        """Cancel the jobs that have not begun, of all keys that are revoked; those that run go on."""
        one_by_one, at_runners = asyncio.Semaphore(_CANCELS_AT_ONCE), []
        for state in self._list_revoked():
            if state in self._queue(state.record.model).running:
                at_runners.append(state)
            else:
                await self.cancel(state.record.id)
                await asyncio.sleep(0)

        async def cancel(state: JobState) -> None:
            async with one_by_one:
                if state.record.status == "queued":
                    await self.cancel(state.record.id)

        await asyncio.gather(*map(cancel, at_runners))

    def _list_revoked(self) -> list[JobState]:
        found = (self._registry.list_waiting(key_id) for key_id in self.ledger.list_revoked())
        return [state for state in chain.from_iterable(found) if not state.is_cancelled]

    async def _purge_answers(self) -> None:
        while True:
            await asyncio.sleep(_PURGE_SECONDS)
            await asyncio.to_thread(self.answers.purge)

    def _read_seconds(self) -> float:
        return self._clock.now().timestamp()

    def subscribe(self, listener: Listener, *kinds: EventKind) -> None:
        """Call the listener at each event of these kinds; with none given, at every event."""
        self._listeners.subscribe(listener, *kinds)

    def drain(self) -> None:
        """Take no new jobs and start none that wait; those that run go on. The next server takes over the others."""
        self._is_draining = True
        self._held.pause()
        for queue in self._queues:
            queue.pause()

    @property
    def num_running_here(self) -> int:
        """How many jobs run on this machine, and would be begun anew by the next server."""
        return len(self._queues[0].running)

    def find_obstacles(self) -> Iterator[str]:
        """Return why no job would be taken now, one sentence each; nothing if one would be."""
        if self._is_closing or self._is_draining:
            yield "The server is stopping."
        if self._places.is_full:
            yield "No more jobs can wait."
        yield from self._store.find_obstacles(self._settings.max_photo_bytes + self._settings.max_voice_bytes)

    def stop_followers(self) -> None:
        """End every `follow` and `wait`, so that connections close; jobs go on."""
        self._is_closing = True
        self._held.pause()
        for state in self._registry:
            state.notify()

    async def close(self) -> None:
        """Stop. The next server starts the runs on this machine again."""
        self.stop_followers()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._held.close()
        await asyncio.gather(*(queue.close() for queue in self._queues), self.media.close())
        self._clock.save()
        self._store.close()

    def availability(self, profile: Profile) -> Availability:
        """Say whether jobs of the profile can run."""
        return self._queue(profile.model).runner.availability(profile)

    def num_parallel(self, profile: Profile) -> int:
        """Return how many videos of the profile are made at a time."""
        return max(self._queue(profile.model).num_parallel, 1)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Estimate how long a video will take, and what it will cost.

        Args:
            profile: Of the video; need not be available.
            speech_seconds: Length of the speech.
            num_inference_steps: Replaces the profile's.
        """
        estimate = self._forecaster.estimate(profile, speech_seconds, num_inference_steps)
        is_own = self._admission.is_own(profile.model) and self.availability(profile).available
        return replace(estimate, dollars=0.0) if is_own else estimate

    def seen_by(self, find_owner: FindOwner) -> "Jobs":
        """Return the jobs as somebody sees them: those of others are not there, and new ones are his.

        Args:
            find_owner: Returns whose jobs these are: of the key with an id, or all of them for None. It is asked each
                time, since the page's events share one view.
        """
        return _SeenJobs(self, find_owner)

    async def submit(
        self,
        request: VideoRequest,
        inputs: Inputs,
        client: str = "",
        filing: Filing = UNFILED,
        *,
        job_id: str | None = None,
    ) -> Job:
        """Check the request, copy its files and put it in the queue.

        Args:
            request: What is asked for.
            inputs: The files that the video is made of.
            client: Who asks: clients take turns.
            filing: Whose it is, and its name.
            job_id: Of `make_id`; None makes one.

        Raises:
            InputError: It cannot be used.
            EngineUnavailableError: Its profile cannot run here.
            LimitError: A limit of its key is reached, or it would cost more than may be spent.
            QueueFullError: No more jobs can wait, or no more of this client.
            ServerStoppingError: The server is stopping.
            StorageError: The disk is full.
            DecodingError: Its files cannot be read at the moment.
        """
        self._admission.check_request(request)
        self.check_room(client)
        record = await self._admission.admit(request, inputs, client, filing, job_id=job_id or make_id())
        state = self._registry.add(record, client)
        _log.info("job %.6s queued: %s, %.1f s of speech", record.id, request.profile, record.speech_seconds)
        self._queue(record.model).add(state)
        return self._read(state)

    def check_draft(self, draft: Draft) -> None:
        """Check all of a job of a batch but what its photo and voice show; raises as `submit` does."""
        self._admission.check_draft(draft)

    async def hold(
        self, drafts: Sequence[Draft], client: str, commit: Callable[[Sequence[str]], None]
    ) -> list[Glimpse]:
        """Take the jobs of a batch, all or none; they join the queue as places get free.

        Args:
            drafts: Checked, all of one owner.
            client: Who asks: clients take turns.
            commit: Told the jobs' ids when all are on the disk; what it notes accepts them.

        Raises:
            LimitError: A limit of its key is reached: so many in an hour, or what they are likely to cost.
            QueueFullError: No more jobs can be held, or no more of this client.
            ServerStoppingError: The server is stopping.
            StorageError: The disk is full.
        """
        self.check_open()
        return _glimpse(await self._held.take(drafts, drafts[0].filing.owner, client, commit))

    def find_batch(self, job_ids: Sequence[str]) -> list[Glimpse]:
        """Return those of a batch's jobs that are not forgotten, in the order of their ids."""
        return _glimpse(self._list_batch(job_ids))

    def count_batch(self, job_ids: Sequence[str]) -> Counter[Status]:
        """Return how many of these jobs there are of each status."""
        return Counter(state.record.status for state in self._list_batch(job_ids))

    def _list_batch(self, job_ids: Sequence[str]) -> Iterator[JobState]:
        return (state for job_id in job_ids if (state := self._registry.get(job_id)) is not None)

    def reserve(self, name: str, dollars: float) -> None:
        """Reserve, out of what may be spent in 24 hours, what no job is charged for; raises `BudgetError`."""
        self._prices.reserve(name, dollars)

    async def verify(self, file: Path, client: str = "") -> FoundMarks:
        """Find out what a picture or a video says of how it was made, and whether that was here.

        Raises:
            InputError: It takes too much to find out.
            QueueFullError: Too many are waiting.
            DecodingError: Nothing can be read at the moment.
            OriginError: What was made here is not known at the moment.
        """
        known = await self._sealer.find_known()
        credentials, mark = await self.media.verify(file, known, client)
        return FoundMarks(credentials, await self._marker.tell(mark.text, mark.confidence), mark.is_sought)

    def check_room(self, client: str = "", owner: str | None = None) -> None:
        """Check before an upload whether a job of the client could wait.

        Args:
            client: Who asks.
            owner: Id of the key that the job would belong to; None without one.

        Raises:
            QueueFullError: No more jobs can wait, or no more of this client.
            LimitError: The key has as many as it may.
            ServerStoppingError: The server is stopping.
        """
        self.check_open()
        self._admission.check_room(client, owner)

    def check_open(self) -> None:
        """Check that jobs are taken at all.

        Raises:
            ServerStoppingError: The server is stopping.
        """
        if self._is_closing or self._is_draining:
            raise ServerStoppingError

    def remembers(self, any_id: str) -> bool:
        """Whether there is such a job of anybody, or may be one: of records that cannot be read nothing is known."""
        return self._store.num_set_aside > 0 or self._registry.get(any_id) is not None

    @contextmanager
    def receive(self) -> Iterator[Path]:
        """Lend a folder for uploads until they are submitted; it is deleted afterwards, and counts no longer."""
        with self._store.receive() as folder:
            try:
                yield folder
            finally:
                self.quota.release(folder)
                self.verify_quota.release(folder)

    def get(self, job_id: str) -> Job:
        """Return the job as it is now; this and all that follow raise `JobNotFoundError` if there is no such job."""
        return self._read(self._find(job_id))

    def find_forgotten(self, job_ids: Iterable[str]) -> Iterator[str]:
        """Yield the ids of which there is no job, or not any more."""
        for job_id in job_ids:
            try:
                self._find(job_id)
            except JobNotFoundError:
                yield job_id

    def list_called_back(self) -> Iterator[Job]:
        """Yield the jobs that have ended and whose clients want word of it."""
        for state in self._registry:
            if state.record.callback_url is not None and state.record.status in ENDED:
                yield self._read(state)

    def search(self, owner: str | None, wanted: Wanted, than: Age | None, limit: int) -> tuple[list[Job], Age | None]:
        """Return the newest jobs that are wanted, and where the next ones begin; arguments as for `Registry.search`.

        Returns:
            The jobs, and the place of the last in the order of age; None if there are no more.
        """
        found = self._registry.search(owner, wanted, than, limit + 1)
        shown = found[:limit]
        return [self._read(state) for state in shown], find_age(shown[-1]) if len(found) > limit else None

    async def follow(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the job now and after each change, until it has ended or the server stops."""
        state = self._find(job_id)
        while True:
            changed = state.changed
            job = self._read(state)
            yield job
            if job.has_ended or self._is_closing:
                return
            await changed.wait()

    async def wait(self, job_id: str, timeout_seconds: float) -> Job:
        """Return the job once it has ended.

        Raises:
            TimeoutError: It has not ended in time; it goes on.
            ServerStoppingError: The server is stopping; the job goes on when it is back.
        """
        async with asyncio.timeout(timeout_seconds):
            async for job in self.follow(job_id):
                if job.has_ended:
                    return job
        raise ServerStoppingError(job_id)

    async def cancel(self, job_id: str) -> Job:
        """End the job within two seconds; a job that has ended stays as it is."""
        state = self._find(job_id)
        await self._queue(state.record.model).cancel(state)
        return self._read(state)

    async def delete(self, job_id: str) -> Job:
        """Delete the job's files and its request; a job that has not ended is cancelled first."""
        await self.cancel(job_id)
        state = self._find(job_id)
        if self._registry.erase(state, with_reference=True):
            self.ledger.forget_reference(job_id)
            self._listeners.publish("deleted", state)
        return self._read(state)

    def video_path(self, job_id: str) -> Path:
        """Return the job's mp4; raises as `Registry.find_result` does."""
        return self._registry.find_result(self._find(job_id).record.id).video

    def poster_path(self, job_id: str) -> Path:
        """Return a still picture of the job's video; raises as `Registry.find_result` does."""
        return self._registry.find_result(self._find(job_id).record.id).poster

    def segment_path(self, job_id: str, name: str) -> Path:
        """Return a live segment as `Registry.find_segment` does; they vanish a minute after the job has ended."""
        return self._registry.find_segment(self._find(job_id).record.id, name)

    async def report(self, job_id: str, reason: Reason, text: str) -> None:
        """Keep what somebody reported of the job's video, and hide it until whoever runs the app has looked.

        Raises as `Registry.find_result` does, but not for a video that is hidden already.

        Raises:
            StorageError: The disk is full.
        """
        with explain_full_disk():
            folder = self._registry.report(self._find(job_id).record.id, reason, text)
        await self._queues[-1].runner.persist(folder)
        _log.warning("job %.6s: its video was reported (%s); `python -m app reports` has more", job_id, reason)

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs of each status there are."""
        return self._registry.count_statuses()

    def count_losses(self) -> Counter[str]:
        """Return how many runs were lost, by the code of the reason."""
        return sum((queue.losses for queue in self._queues), Counter())

    @property
    def num_set_aside(self) -> int:
        """How many jobs have records that cannot be read."""
        return self._store.num_set_aside

    def find_troubles(self) -> Iterator[str]:
        """Return what the server's operator should look at, one sentence each."""
        if self._is_closing or self._is_draining:
            yield "The server is stopping: it takes no new jobs, and ends when those that run have ended or have to."
        for source in (self._local_runner, self._registry, self._sealer, self._marker):
            yield from source.find_troubles()

    def _end(self, state: JobState, end: RunEnd) -> None:
        if not self._registry.end(state, end, timedelta(hours=self._settings.result_hours)):
            return
        if end.status == "done":
            self._forecaster.learn(state.record)
        self._prices.settle(state.record)
        self.ledger.settle(state.record)
        _log.info("job %.6s %s", state.record.id, end.status)
        self._listeners.publish(end.status, state)

    def _find(self, job_id: str) -> JobState:
        """Return the job: the one way from an id to a job, so that nobody comes to one that he may not see."""
        return self._registry.find(job_id)

    def _queue(self, model: Model) -> JobQueue:
        return self._admission.find_queue(model)

    def _read(self, state: JobState) -> Job:
        queue = self._queue(state.record.model)
        position = queue.find_position(state)
        eta_seconds = self._forecaster.predict(queue, state, position)
        return read_job(state, self._clock, position, eta_seconds, self._registry.find_standing(state))


def _glimpse(states: Iterable[JobState]) -> list[Glimpse]:
    return [glimpse(state) for state in states]


class _SeenJobs(Jobs):
    """The same service, of which somebody sees what is his. It has no state of its own."""

    def __init__(self, jobs: Jobs, find_owner: FindOwner) -> None:  # another's state is all that it has
        self._jobs = jobs
        self._find_owner = find_owner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the service
        return getattr(self._jobs, name)

    async def submit(
        self,
        request: VideoRequest,
        inputs: Inputs,
        client: str = "",
        filing: Filing = UNFILED,
        *,
        job_id: str | None = None,
    ) -> Job:
        owned = replace(filing, owner=self._find_owner())
        return await self._jobs.submit(request, inputs, client, owned, job_id=job_id)

    async def hold(
        self, drafts: Sequence[Draft], client: str, commit: Callable[[Sequence[str]], None]
    ) -> list[Glimpse]:
        owner = self._find_owner()
        owned = [replace(draft, filing=replace(draft.filing, owner=owner)) for draft in drafts]
        return await self._jobs.hold(owned, client, commit)

    def search(self, owner: str | None, wanted: Wanted, than: Age | None, limit: int) -> tuple[list[Job], Age | None]:
        return self._jobs.search(self._find_owner() or owner, wanted, than, limit)

    def list_called_back(self) -> Iterator[Job]:
        owner = self._find_owner()
        return (job for job in self._jobs.list_called_back() if owner is None or job.filing.owner == owner)

    def _list_batch(self, job_ids: Sequence[str]) -> Iterator[JobState]:
        owner = self._find_owner()
        found = self._jobs._list_batch(job_ids)  # noqa: SLF001 - the same class
        return (state for state in found if owner is None or state.record.owner == owner)

    def _find(self, job_id: str) -> JobState:
        state, owner = self._jobs._find(job_id), self._find_owner()  # noqa: SLF001 - the same class
        if owner is not None and state.record.owner != owner:
            raise JobNotFoundError
        return state
