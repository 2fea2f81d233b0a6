"""The service that takes jobs, runs them in turn and keeps them until they expire."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from app.decoding import Decoders, DecoderSettings, HeardVoice
from app.errors import JobExpiredError, JobNotFinishedError, QueueFullError, ServerStoppingError
from app.jobs.budget import Budget
from app.jobs.checks import accept
from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.jobs.feasible import check_feasible
from app.jobs.forecast import Forecaster
from app.jobs.job import Job, read_job
from app.jobs.lane import Lane
from app.jobs.ledger import Ledger
from app.jobs.local import LocalRunner
from app.jobs.queue import may_take
from app.jobs.runner import JobRunner, RunEnd
from app.jobs.speed import SpeedBook
from app.jobs.turns import Turns
from app.records import ENDED, JobRecord, Status
from app.settings import Settings
from app.storage import JobFolder, JobStore, explain_full_disk
from pipeline.engine import Availability
from pipeline.errors import EngineUnavailableError
from pipeline.estimate import Estimate
from pipeline.profiles import Model, Profile, Resolution, get_profile
from pipeline.types import Framing, GenerationRequest, Portrait

_SWEEP_SECONDS = 5
_CHECKS_AT_ONCE = 2
_CHECKS_WAITING = 100
_log = logging.getLogger(__name__)


class Jobs:
    """Takes jobs, runs them in turn, and keeps them until they expire. To be used in one event loop."""

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        runner: JobRunner | None = None,
        on_end: Callable[[Job], None] | None = None,
        dollars_per_day: float = 0.0,
    ) -> None:
        """Prepare the service; `start` begins the work.

        Args:
            settings: Of the app.
            store: The data folder; closed with the service.
            runner: Runs the models that need a GPU; None runs them on this machine. Previews always run here.
            on_end: Is told of each job that ends.
            dollars_per_day: What the given runner's jobs may cost in 24 hours; 0 sets no limit.
        """
        self._settings = settings
        self._store = store
        self._on_end = on_end
        self._clock = Clock(store.clock)
        self._forecaster = Forecaster(SpeedBook(store.speeds), self.availability)
        self._local_runner = LocalRunner(
            settings.engine_settings, capacity=settings.workers, live=settings.is_live, log_level=settings.log_level
        )
        self._ledger = Ledger(store, self._clock)
        runners = [self._local_runner] if runner is None else [self._local_runner, runner]
        self._lanes = [Lane(runner, self._ledger, self._clock, self._end) for runner in runners]
        self._budget = Budget(store.spending, dollars_per_day) if dollars_per_day else None
        self._submitting: Counter[str] = Counter()
        self._decoders = Decoders(DecoderSettings(server_pid=os.getpid(), log_level=settings.log_level))
        self._checks = Turns(_CHECKS_AT_ONCE, _CHECKS_WAITING)
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        for entry in self._ledger.load():
            if entry.record.status in ENDED:
                self._ledger.clear(entry)
            else:
                self._lane(entry.record.model).recover(entry)
        for lane in self._lanes:
            lane.dispatch()
        self._sweeper = asyncio.create_task(self._sweep_forever())

    def stop_followers(self) -> None:
        """End every `follow` and `wait`, so that connections close; jobs go on."""
        self._is_closing = True
        for entry in self._ledger:
            entry.tell()

    async def close(self) -> None:
        """Stop; what runs on this machine is begun again by the next server."""
        self.stop_followers()
        if self._sweeper:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.gather(*(lane.close() for lane in self._lanes), self._decoders.close())
        self._clock.save()
        self._store.close()

    def availability(self, profile: Profile) -> Availability:
        """Say whether jobs of the profile can run."""
        return self._lane(profile.model).runner.availability(profile)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Say how long a video is likely to take, and what it is likely to cost.

        Args:
            profile: Of the video; it need not be available.
            speech_seconds: Length of the voice.
            num_inference_steps: In place of the profile's.
        """
        estimate = self._forecaster.estimate(profile, speech_seconds, num_inference_steps)
        is_own = self._lane(profile.model) is self._lanes[0] and self.availability(profile).available
        return replace(estimate, dollars=0.0) if is_own else estimate

    async def submit(self, request: GenerationRequest, client: str = "") -> Job:
        """Check the request, copy its files and put it in the queue.

        Args:
            request: What is asked for.
            client: By whom: clients take turns.

        Raises:
            InputError: It cannot be used.
            EngineUnavailableError: Its profile cannot run here.
            BudgetError: It would cost more than may be spent.
            QueueFullError: No more jobs can wait, or not of this client.
            ServerStoppingError: The server stops.
            StorageError: The disk is full.
            DecodingError: Its files cannot be read at the moment.
        """
        profile = get_profile(request.profile)
        availability = self.availability(profile)
        if not availability.available:
            raise EngineUnavailableError(availability.reason)
        self.check_room(client)
        with self._hold_place(client), explain_full_disk():
            if self._lane(profile.model) is self._lanes[0]:
                await self._local_runner.warm_up()
            record = await self._accept(request, profile, client)
        entry = self._ledger.add(record, client)
        _log.info("job %.6s queued: %s, %.1f s of speech", record.id, profile.name, record.speech_seconds)
        self._lane(profile.model).add(entry)
        return self._read(entry)

    def check_room(self, client: str = "") -> None:
        """Find out before an upload whether a job could wait.

        Args:
            client: Who asks: each may hold a share of the places.

        Raises:
            QueueFullError: No more jobs can wait, or not of this client.
            ServerStoppingError: The server stops.
        """
        if self._is_closing:
            raise ServerStoppingError
        num_waiting = sum(lane.num_waiting for lane in self._lanes) + self._submitting.total()
        num_own = sum(lane.count(client) for lane in self._lanes) + self._submitting[client]
        if not may_take(num_own, num_waiting, self._settings.queue_size):
            is_share = num_waiting < self._settings.queue_size
            raise QueueFullError(num_own if is_share else num_waiting, self._find_wait(), is_share=is_share)

    def receive(self) -> AbstractContextManager[Path]:
        """Lend a folder for uploads until they are submitted; it is deleted afterwards."""
        return self._store.receive()

    async def convert_photo(self, photo: Path, quarter_turns: int = 0, client: str = "") -> bytes:
        """Return a photo as JPEG, upright, when it is the client's turn.

        Raises:
            InputError: The photo cannot be used.
            QueueFullError: Too many uploads wait already.
            DecodingError: Nothing can be read at the moment.
        """
        async with self._checks.take(client):
            return await self._decoders.convert(photo, quarter_turns)

    async def frame_photo(self, photo: Path, framing: Framing, resolution: Resolution, client: str = "") -> Portrait:
        """Crop a photo exactly as a job would.

        Raises:
            InputError: The photo cannot be used.
            QueueFullError: Too many uploads wait already.
            DecodingError: Nothing can be read at the moment.
        """
        async with self._checks.take(client):
            return await self._decoders.frame(photo, framing, resolution)

    async def hear_voice(self, recording: Path, client: str = "") -> HeardVoice:
        """Listen to a recording.

        Raises:
            InputError: The recording cannot be used.
            QueueFullError: Too many uploads wait already.
            DecodingError: Nothing can be read at the moment.
        """
        async with self._checks.take(client):
            return await self._decoders.listen(recording)

    async def extract_sound(self, recording: Path, target: Path, total_seconds: float, client: str = "") -> None:
        """Write the sound of a recording as WAV, which every browser plays; raises as `hear_voice` does."""
        async with self._checks.take(client):
            await self._decoders.extract(recording, target, total_seconds)

    def get(self, job_id: str) -> Job:
        """Return the job's state.

        Raises:
            JobNotFoundError: There is none.
        """
        return self._read(self._ledger.find(job_id))

    async def follow(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the job's state now and after each change, until it has ended or the server stops.

        Raises:
            JobNotFoundError: There is none.
        """
        entry = self._ledger.find(job_id)
        while True:
            changed = entry.changed
            job = self._read(entry)
            yield job
            if job.has_ended or self._is_closing:
                return
            await changed.wait()

    async def wait(self, job_id: str, timeout_seconds: float) -> Job:
        """Return the job once it has ended.

        Raises:
            JobNotFoundError: There is none.
            TimeoutError: It has not ended in time; it goes on.
            ServerStoppingError: The server stops; it goes on when the server is back.
        """
        async with asyncio.timeout(timeout_seconds):
            async for job in self.follow(job_id):
                if job.has_ended:
                    return job
        raise ServerStoppingError(job_id)

    async def cancel(self, job_id: str) -> Job:
        """End the job, within two seconds; one that has ended stays as it is.

        Raises:
            JobNotFoundError: There is none.
        """
        entry = self._ledger.find(job_id)
        await self._lane(entry.record.model).cancel(entry)
        return self._read(entry)

    async def delete(self, job_id: str) -> Job:
        """Delete the job's files and all that was asked for; a job that has not ended is cancelled first.

        Raises:
            JobNotFoundError: There is none.
        """
        await self.cancel(job_id)
        entry = self._ledger.find(job_id)
        self._ledger.erase(entry)
        return self._read(entry)

    def video_path(self, job_id: str) -> Path:
        """Return the job's mp4.

        Raises:
            JobNotFoundError: There is no such job.
            JobNotFinishedError: It is not done.
            JobExpiredError: The file has been deleted.
        """
        return self._result_folder(job_id).video

    def poster_path(self, job_id: str) -> Path:
        """Return a still picture of the job's video; raises as `video_path` does."""
        return self._result_folder(job_id).poster

    def live_clip_paths(self, job_id: str) -> list[Path]:
        """Return the clips that can be watched, in order. They vanish a minute after the job has ended.

        Raises:
            JobNotFoundError: There is no such job.
        """
        return self._ledger.folder(self._ledger.find(job_id)).live_clips

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs there are of each status."""
        return self._ledger.count_statuses()

    def count_losses(self) -> Counter[str]:
        """Return how many runs ended without a word, by what is said of it."""
        return sum((lane.losses for lane in self._lanes), Counter())

    @property
    def num_set_aside(self) -> int:
        """How many jobs have records that cannot be read."""
        return self._store.num_set_aside

    def find_troubles(self) -> Iterator[str]:
        """Yield what whoever runs the server should look at, a sentence each."""
        yield from self._local_runner.find_troubles()
        if number := self._store.num_set_aside:
            yield f"Jobs set aside, because their records cannot be read: {number}. The log names them."
        if number := self._ledger.num_unwritten:
            yield f"Records that could not be written to the disk: {number}."
        if trouble := self._clock.trouble:
            yield trouble

    # From here on: how a job gets in and ends.

    async def _accept(self, request: GenerationRequest, profile: Profile, client: str) -> JobRecord:
        job_id, folder = self._store.create()
        try:
            async with self._checks.take(client):
                now, settings = self._clock.now(), self._settings
                record = await accept(
                    request, profile.model, job_id, folder, now, settings=settings, decoders=self._decoders
                )
            self._check_price(record)
            await self._lanes[-1].runner.keep(folder)
        except BaseException:
            self._store.delete(job_id)
            if self._budget:
                self._budget.settle(job_id, 0.0)
            raise
        return record

    @contextmanager
    def _hold_place(self, client: str) -> Iterator[None]:
        """Count a job that is being submitted, so that no other takes its place."""
        self._submitting[client] += 1
        try:
            yield
        finally:
            self._submitting -= Counter((client,))

    def _find_wait(self) -> int:
        """Say in how many seconds a place in the queue is likely to be free."""
        running = [entry for lane in self._lanes for entry in lane.begun]
        return max(1, round(min(map(self._forecaster.predict_run, running), default=1.0)))

    def _check_price(self, record: JobRecord) -> None:
        """Refuse what takes longer than it may, or costs more."""
        if self._lane(record.model) is self._lanes[0]:
            return
        check_feasible(record.request, record.speech_seconds, self._forecaster.predict_slowest, self._find_most)
        if self._budget:
            forecast = self._forecaster.estimate_request(record.request, record.speech_seconds)
            self._budget.reserve(record.id, forecast.dollars)

    def _find_most(self, profile: str) -> float | None:
        return self.availability(get_profile(profile)).most_seconds

    def _settle(self, record: JobRecord) -> None:
        """Put what a run cost in place of what was promised for it; one that did not begin cost nothing."""
        if self._budget is None:
            return
        if record.cost and record.cost.dollars is not None:
            self._budget.settle(record.id, record.cost.dollars)
        elif record.started_at is None:
            self._budget.settle(record.id, 0.0)

    def _end(self, entry: Entry, end: RunEnd) -> None:
        if not self._ledger.end(entry, end, timedelta(hours=self._settings.result_hours)):
            return
        if end.status == "done":
            self._forecaster.learn(entry.record)
        self._settle(entry.record)
        _log.info("job %.6s %s", entry.record.id, end.status)
        if self._on_end:
            self._on_end(self._read(entry))

    def _lane(self, model: Model) -> Lane:
        return self._lanes[0 if model == "preview" else -1]

    def _result_folder(self, job_id: str) -> JobFolder:
        job = self.get(job_id)
        if job.is_expired:
            raise JobExpiredError(job.id)
        if job.status != "done":
            raise JobNotFinishedError(job.id, job.status)
        return self._store.folder(job.id)

    def _read(self, entry: Entry) -> Job:
        lane = self._lane(entry.record.model)
        position = lane.find_position(entry)
        return read_job(entry, self._clock, position, self._forecaster.predict(lane, entry, position))

    async def _sweep_forever(self) -> None:
        while True:
            self._ledger.sweep()
            await asyncio.sleep(_SWEEP_SECONDS)
