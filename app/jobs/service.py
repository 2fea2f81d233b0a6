"""The service that accepts jobs, runs them in turn and keeps them until they expire."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path

from app.errors import ServerStoppingError
from app.jobs.budget import Budget, PriceGuard
from app.jobs.checks import MediaChecks, Places
from app.jobs.clock import Clock
from app.jobs.forecast import Forecaster, SpeedBook
from app.jobs.job import UNFILED, Filing, Job, JobState, read_job
from app.jobs.listeners import EventKind, Listener, Listeners
from app.jobs.queue import JobQueue
from app.jobs.registry import Registry
from app.jobs.runners.local import LocalRunner
from app.jobs.runners.protocol import JobRunner, RunEnd
from app.quota import ByteQuota, make_verify_quota
from app.records import ENDED, JobRecord, Status
from app.reports.book import Reason
from app.settings import Settings
from app.storage import JobStore, explain_full_disk
from app.trust.marker import FoundMarks, Marker
from app.trust.sealer import Sealer
from pipeline.engine import Availability
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.estimate import Estimate
from pipeline.profiles import Model, Profile
from pipeline.request import Inputs, VideoRequest
from pipeline.sampling import find_profile

_log = logging.getLogger(__name__)


class Jobs:
    """Accepts jobs, runs them in turn, and keeps them until they expire. For use in one event loop.

    Attributes:
        media: Reads photos and recordings before they belong to a job.
        quota: Counts the bytes of uploads before they belong to a job.
        verify_quota: Counts those of files to verify, which anyone may send: they take no room from those of jobs.
    """

    def __init__(
        self, settings: Settings, store: JobStore, runner: JobRunner | None = None, dollars_per_day: float = 0.0
    ) -> None:
        """Prepare the service; `start` starts the work.

        Args:
            settings: Of the app.
            store: The data folder; closed with the service.
            runner: Runs the models that it serves; this machine runs all others, and all where it is None.
            dollars_per_day: What the given runner's jobs may cost in 24 hours; 0 sets no limit.
        """
        self._settings = settings
        self._store = store
        self._clock = Clock(store.clock)
        self._registry = Registry(store, self._clock)
        self._listeners = Listeners(self._read)
        self._local_runner = LocalRunner(
            settings.engine_settings, capacity=settings.workers, live=settings.is_live, log_level=settings.log_level
        )
        runners = [self._local_runner] if runner is None else [self._local_runner, runner]
        self._sealer, self._marker = Sealer(settings), Marker(settings)
        self._queues = [
            JobQueue(runner, self._registry, self._clock, self._end, self._listeners, seal=self._sealer.seal)
            for runner in runners
        ]
        self._forecaster = Forecaster(SpeedBook(store.speeds), self.availability)
        budget = Budget(store.spending, dollars_per_day) if dollars_per_day else None
        self._prices = PriceGuard(self._forecaster, self.availability, budget)
        self._places = Places(self._queues, settings.queue_size, self._forecaster)
        self.media = MediaChecks(settings, self._clock)
        self.quota = ByteQuota(settings.max_uploads_bytes)
        self.verify_quota = make_verify_quota(settings)
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Resume what an earlier server left, and start working."""
        await self._sealer.prepare()
        for state in self._registry.load():
            if state.record.status in ENDED:
                self._registry.clear(state)
            else:
                await self._queue(state.record.model).recover(state)
        for queue in self._queues:
            queue.dispatch()
        self._sweeper = asyncio.create_task(self._registry.sweep_forever())

    def subscribe(self, listener: Listener, *kinds: EventKind) -> None:
        """Call the listener at each event of these kinds; with none given, at every event."""
        self._listeners.subscribe(listener, *kinds)

    def stop_followers(self) -> None:
        """End every `follow` and `wait`, so that connections close; jobs go on."""
        self._is_closing = True
        for state in self._registry:
            state.notify()

    async def close(self) -> None:
        """Stop. The next server starts the runs on this machine again."""
        self.stop_followers()
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.gather(*(queue.close() for queue in self._queues), self.media.close())
        self._clock.save()
        self._store.close()

    def availability(self, profile: Profile) -> Availability:
        """Say whether jobs of the profile can run."""
        return self._queue(profile.model).runner.availability(profile)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Estimate how long a video will take, and what it will cost.

        Args:
            profile: Of the video; need not be available.
            speech_seconds: Length of the speech.
            num_inference_steps: Replaces the profile's.
        """
        estimate = self._forecaster.estimate(profile, speech_seconds, num_inference_steps)
        is_own = self._queue(profile.model) is self._queues[0] and self.availability(profile).available
        return replace(estimate, dollars=0.0) if is_own else estimate

    async def submit(self, request: VideoRequest, inputs: Inputs, client: str = "", filing: Filing = UNFILED) -> Job:
        """Check the request, copy its files and put it in the queue.

        Args:
            request: What is asked for.
            inputs: The files that the video is made of.
            client: Who asks: clients take turns.
            filing: Whose it is, and its name.

        Raises:
            InputError: It cannot be used.
            EngineUnavailableError: Its profile cannot run here.
            BudgetError: It would cost more than may be spent.
            QueueFullError: No more jobs can wait, or no more of this client.
            ServerStoppingError: The server is stopping.
            StorageError: The disk is full.
            DecodingError: Its files cannot be read at the moment.
        """
        profile = find_profile(request)
        if self._settings.consent == "required" and not request.consent:
            raise InputError("consent.missing", "consent")
        availability = self.availability(profile)
        if not availability.available:
            raise EngineUnavailableError(availability.reason)
        self.check_room(client)
        with self._places.hold(client), explain_full_disk():
            if self._queue(profile.model) is self._queues[0]:
                await self._local_runner.warm_up()
            record = await self._accept(request, inputs, profile, client, filing)
        state = self._registry.add(record, client)
        _log.info("job %.6s queued: %s, %.1f s of speech", record.id, profile.name, record.speech_seconds)
        self._queue(profile.model).add(state)
        return self._read(state)

    async def _accept(
        self, request: VideoRequest, inputs: Inputs, profile: Profile, client: str, filing: Filing
    ) -> JobRecord:
        job_id, folder = self._store.create()
        try:
            watermark = await self._marker.choose(job_id)
            record = await self.media.accept(request, inputs, folder, client, watermark=watermark, filing=filing)
            if self._queue(profile.model) is not self._queues[0]:
                self._prices.check(record)
            await self._queues[-1].runner.persist(folder)
        except BaseException:
            self._store.delete(job_id)
            self._prices.release(job_id)
            raise
        return record

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

    def check_room(self, client: str = "") -> None:
        """Check before an upload whether a job of the client could wait.

        Raises:
            QueueFullError: No more jobs can wait, or no more of this client.
            ServerStoppingError: The server is stopping.
        """
        if self._is_closing:
            raise ServerStoppingError
        self._places.check(client)

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
        return self._read(self._registry.find(job_id))

    async def follow(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the job now and after each change, until it has ended or the server stops."""
        state = self._registry.find(job_id)
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
        state = self._registry.find(job_id)
        await self._queue(state.record.model).cancel(state)
        return self._read(state)

    async def delete(self, job_id: str) -> Job:
        """Delete the job's files and its request; a job that has not ended is cancelled first."""
        await self.cancel(job_id)
        state = self._registry.find(job_id)
        if self._registry.erase(state):
            self._listeners.publish("deleted", state)
        return self._read(state)

    def video_path(self, job_id: str) -> Path:
        """Return the job's mp4; raises as `Registry.find_result` does."""
        return self._registry.find_result(job_id).video

    def poster_path(self, job_id: str) -> Path:
        """Return a still picture of the job's video; raises as `Registry.find_result` does."""
        return self._registry.find_result(job_id).poster

    def segment_path(self, job_id: str, name: str) -> Path:
        """Return a live segment as `Registry.find_segment` does; they vanish a minute after the job has ended."""
        return self._registry.find_segment(job_id, name)

    async def report(self, job_id: str, reason: Reason, text: str) -> None:
        """Keep what somebody reported of the job's video, and hide it until whoever runs the app has looked.

        Raises as `Registry.find_result` does, but not for a video that is hidden already.

        Raises:
            StorageError: The disk is full.
        """
        with explain_full_disk():
            folder = self._registry.report(job_id, reason, text)
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
        sources = (self._local_runner, self._registry, self._sealer, self._marker)
        return chain.from_iterable(source.find_troubles() for source in sources)

    def _end(self, state: JobState, end: RunEnd) -> None:
        if not self._registry.end(state, end, timedelta(hours=self._settings.result_hours)):
            return
        if end.status == "done":
            self._forecaster.learn(state.record)
        self._prices.settle(state.record)
        _log.info("job %.6s %s", state.record.id, end.status)
        self._listeners.publish(end.status, state)

    def _queue(self, model: Model) -> JobQueue:
        return next(queue for queue in reversed(self._queues) if queue.runner.serves(model))

    def _read(self, state: JobState) -> Job:
        queue = self._queue(state.record.model)
        position = queue.find_position(state)
        eta_seconds = self._forecaster.predict(queue, state, position)
        return read_job(state, self._clock, position, eta_seconds, self._registry.find_standing(state))
