"""The service that takes jobs, runs them in turn and keeps them until they expire."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.errors import JobExpiredError, JobNotFinishedError, JobNotFoundError, QueueFullError
from app.jobs.checks import accept
from app.jobs.expiry import find_duty
from app.jobs.forecast import Forecaster
from app.jobs.job import Job, read_job
from app.jobs.local import LocalRunner
from app.jobs.queue import Entry, Lane
from app.jobs.runner import JobRunner, RunEnd
from app.jobs.speed import SpeedBook
from app.settings import Settings
from app.storage import ENDED, STATUSES, JobFolder, JobRecord, JobRequest, JobStore, Status, explain_full_disk
from pipeline.engine import Availability
from pipeline.errors import EngineUnavailableError
from pipeline.estimate import Estimate
from pipeline.image import prepare_portrait
from pipeline.notices import Notice
from pipeline.profiles import Model, Profile, Resolution, get_profile
from pipeline.types import Framing, GenerationRequest, Portrait

MAX_ATTEMPTS = 3
_SWEEP_SECONDS = 5
_CANCEL_WAIT_SECONDS = 1.8
_CHECKS_AT_ONCE = 2
_log = logging.getLogger(__name__)


class Jobs:
    """Takes jobs, runs them in turn, and keeps them until they expire. To be used in one event loop."""

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        runner: JobRunner | None = None,
        on_end: Callable[[Job], None] | None = None,
    ) -> None:
        """Prepare the service; `start` begins the work.

        Args:
            settings: Of the app.
            store: The data folder; closed with the service.
            runner: Runs the models that need a GPU; None runs them on this machine. Previews always run here.
            on_end: Is told of each job that ends.
        """
        self._settings = settings
        self._store = store
        self._on_end = on_end
        self._forecaster = Forecaster(SpeedBook(store.speeds), self.availability)
        self._local_runner = LocalRunner(settings.engine_settings, capacity=settings.workers, live=settings.is_live)
        self._local = Lane(self._local_runner)
        self._lanes = [self._local] if runner is None else [self._local, Lane(runner)]
        self._entries: dict[str, Entry] = {}
        self._num_submitting = 0
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closing = False

    async def start(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        for record in self._store.load():
            self._recover(record)
        self._dispatch()
        self._sweeper = asyncio.create_task(self._sweep_forever())

    def stop_followers(self) -> None:
        """End every `follow` and `wait`, so that connections close; jobs go on."""
        self._is_closing = True
        for entry in self._entries.values():
            entry.tell()

    async def close(self) -> None:
        """Stop; what runs on this machine is begun again by the next server."""
        self.stop_followers()
        tasks = [task for lane in self._lanes for task in lane.running.values()]
        tasks += [self._sweeper] if self._sweeper else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lane in self._lanes:
            await lane.runner.close()
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
        is_own = self._lane(profile.model) is self._local and self.availability(profile).available
        return replace(estimate, dollars=0.0) if is_own else estimate

    async def submit(self, request: GenerationRequest) -> Job:
        """Check the request, copy its files and put it in the queue.

        Raises:
            InputError: It cannot be used.
            EngineUnavailableError: Its profile cannot run here.
            QueueFullError: No more jobs can wait.
            StorageError: The disk is full.
        """
        profile = get_profile(request.profile)
        availability = self.availability(profile)
        if not availability.available:
            raise EngineUnavailableError(availability.reason)
        self.check_room()
        self._num_submitting += 1
        try:
            if self._lane(profile.model) is self._local:
                await self._local_runner.warm_up()
            with explain_full_disk():
                record = await self._accept(request, profile)
        finally:
            self._num_submitting -= 1
        entry = self._entries[record.id] = Entry(record)
        self._lane(profile.model).waiting.append(entry)
        _log.info("job %.6s queued: %s, %.1f s of speech", record.id, profile.name, record.speech_seconds)
        self._dispatch()
        return self._read(entry)

    def check_room(self) -> None:
        """Find out before an upload whether a job could wait.

        Raises:
            QueueFullError: No more jobs can wait.
        """
        num_waiting = sum(len(lane.waiting) for lane in self._lanes) + self._num_submitting
        if num_waiting >= self._settings.queue_size:
            running = [entry for lane in self._lanes for entry in lane.running]
            soonest = min(map(self._forecaster.predict_run, running), default=1.0)
            raise QueueFullError(num_waiting, max(1, round(soonest)))

    def receive(self) -> AbstractContextManager[Path]:
        """Lend a folder for uploads until they are submitted; it is deleted afterwards."""
        return self._store.receive()

    async def frame_photo(self, photo: Path, framing: Framing, resolution: Resolution) -> Portrait:
        """Crop a photo exactly as a job would.

        Raises:
            InputError: The photo cannot be used.
        """
        async with self._checks:
            return await asyncio.to_thread(prepare_portrait, photo, framing, resolution)

    def get(self, job_id: str) -> Job:
        """Return the job's state.

        Raises:
            JobNotFoundError: There is none.
        """
        return self._read(self._entry(job_id))

    async def follow(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the job's state now and after each change, until it has ended or the server stops.

        Raises:
            JobNotFoundError: There is none.
        """
        entry = self._entry(job_id)
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
        """
        async with asyncio.timeout(timeout_seconds):
            async for job in self.follow(job_id):
                if job.has_ended:
                    return job
        raise TimeoutError

    async def cancel(self, job_id: str) -> Job:
        """End the job, within two seconds; one that has ended stays as it is.

        Raises:
            JobNotFoundError: There is none.
        """
        entry = self._entry(job_id)
        lane = self._lane(entry.record.model)
        if entry in lane.waiting:
            lane.waiting.remove(entry)
            self._end(entry, RunEnd("cancelled"))
            lane.tell_waiting()
        elif entry.record.status == "running":
            entry.is_cancelled = True
            if entry.handle is not None:
                await lane.runner.cancel(entry.handle)
            with contextlib.suppress(TimeoutError):
                await self.wait(job_id, _CANCEL_WAIT_SECONDS)
            self._end(entry, RunEnd("cancelled"))
        return self._read(entry)

    async def delete(self, job_id: str) -> Job:
        """Delete the job's files and all that was asked for; a job that has not ended is cancelled first.

        Raises:
            JobNotFoundError: There is none.
        """
        await self.cancel(job_id)
        entry = self._entry(job_id)
        self._erase(entry)
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
        return self._store.folder(self._entry(job_id).record.id).live_clips

    def count_statuses(self) -> dict[Status, int]:
        """Return how many jobs there are of each status."""
        counted = Counter(entry.record.status for entry in self._entries.values())
        return {status: counted[status] for status in STATUSES}

    # From here on: how a job gets in, runs and ends.

    async def _accept(self, request: GenerationRequest, profile: Profile) -> JobRecord:
        job_id, folder = self._store.create()
        try:
            async with self._checks:
                record = await asyncio.to_thread(accept, request, profile.model, job_id, folder, self._settings)
            await self._lanes[-1].runner.keep(folder)
        except BaseException:
            self._store.delete(job_id)
            raise
        return record

    def _recover(self, record: JobRecord) -> None:
        entry = self._entries[record.id] = Entry(record)
        lane = self._lane(record.model)
        if record.status in ENDED:
            self._store.folder(record.id).delete_inputs()
        elif record.status == "running" and record.handle and lane.runner.is_lasting:
            self._begin(lane, entry)
        elif record.attempts >= MAX_ATTEMPTS:
            self._end(entry, RunEnd("failed", error=Notice("job.interrupted", "request", {"attempts": MAX_ATTEMPTS})))
        else:
            self._save(entry, status="queued", started_at=None)
            lane.waiting.append(entry)

    def _dispatch(self) -> None:
        for lane in self._lanes:
            while lane.waiting and lane.is_free and not self._is_closing:
                self._begin(lane, lane.waiting.pop(0))
                lane.tell_waiting()

    def _begin(self, lane: Lane, entry: Entry) -> None:
        if entry.record.status == "queued":
            attempts = entry.record.attempts + 1
            self._save(entry, status="running", started_at=datetime.now(UTC), attempts=attempts, handle=None)
        lane.running[entry] = task = asyncio.create_task(self._run(lane.runner, entry))
        task.add_done_callback(lambda _: self._leave(lane, entry))

    def _leave(self, lane: Lane, entry: Entry) -> None:
        del lane.running[entry]
        self._dispatch()

    async def _run(self, runner: JobRunner, entry: Entry) -> None:
        folder = self._store.folder(entry.record.id)
        try:
            await self._start_run(runner, entry, folder)
            await self._watch_run(runner, entry, folder)
        except asyncio.CancelledError:
            if not runner.is_lasting and entry.record.status == "running":
                self._save(entry, status="queued", started_at=None, attempts=entry.record.attempts - 1)
            raise
        except Exception:  # noqa: BLE001 - whatever a runner does, the job ends with a reason and the next one runs
            _log.exception("job %.6s could not be run", entry.record.id)
            self._end(entry, RunEnd("failed", error=Notice("job.unexpected", "request")))

    async def _start_run(self, runner: JobRunner, entry: Entry, folder: JobFolder) -> None:
        if entry.record.handle is not None:
            entry.handle = entry.record.handle  # an earlier server began it
            return
        entry.handle = await runner.start(folder)
        if runner.is_lasting:
            self._save(entry, handle=entry.handle)
        if entry.is_cancelled:
            await runner.cancel(entry.handle)

    async def _watch_run(self, runner: JobRunner, entry: Entry, folder: JobFolder) -> None:
        assert entry.handle is not None
        async for event in runner.events(entry.handle, folder):
            if isinstance(event, RunEnd):
                self._end(entry, event)
            else:
                entry.progress, entry.num_live_clips = event.progress, event.num_live_clips
                entry.tell()

    def _end(self, entry: Entry, end: RunEnd) -> None:
        """Keep how the job ended, once, and delete what nobody needs any more."""
        folder = self._store.folder(entry.record.id)
        if entry.record.status in ENDED:
            if entry.record.status != "done":
                folder.delete_files()  # what a run made that went on after it was cancelled
            return
        now = datetime.now(UTC)
        expires_at = now + timedelta(hours=self._settings.result_hours)
        entry.progress = None
        self._save(entry, status=end.status, finished_at=now, expires_at=expires_at, result=end.result, error=end.error)
        folder.delete_inputs()
        if end.status == "done":
            self._forecaster.learn(entry.record)
        _log.info("job %.6s %s", entry.record.id, end.status)
        if self._on_end:
            self._on_end(self._read(entry))

    def _save(self, entry: Entry, **changes: object) -> None:
        entry.record = entry.record.model_copy(update=changes)
        self._keep(entry)
        entry.tell()

    def _keep(self, entry: Entry) -> None:
        """Write the record. A disk that is full ends no job: until there is room, the record is here alone."""
        was_kept, entry.is_kept = entry.is_kept, True
        try:
            self._store.folder(entry.record.id).write(entry.record)
        except OSError as error:
            entry.is_kept = False
            if was_kept:
                _log.error("job %.6s could not be written down: %s", entry.record.id, error.strerror)

    def _entry(self, job_id: str) -> Entry:
        try:
            return self._entries[job_id]
        except KeyError:
            raise JobNotFoundError from None

    def _lane(self, model: Model) -> Lane:
        return self._local if model == "preview" else self._lanes[-1]

    def _result_folder(self, job_id: str) -> JobFolder:
        job = self.get(job_id)
        if job.is_expired:
            raise JobExpiredError(job.id)
        if job.status != "done":
            raise JobNotFinishedError(job.id, job.status)
        return self._store.folder(job.id)

    def _read(self, entry: Entry) -> Job:
        lane = self._lane(entry.record.model)
        return read_job(entry, lane.find_position(entry), self._forecaster.predict(lane, entry))

    # From here on: how jobs are forgotten.

    async def _sweep_forever(self) -> None:
        while True:
            self._sweep(datetime.now(UTC))
            await asyncio.sleep(_SWEEP_SECONDS)

    def _sweep(self, now: datetime) -> None:
        for entry in list(self._entries.values()):
            try:
                self._tidy(entry, now)
            except OSError as error:  # the others are swept all the same, and this one again
                _log.error("job %.6s could not be tidied up: %s", entry.record.id, error.strerror)

    def _tidy(self, entry: Entry, now: datetime) -> None:
        if not entry.is_kept:
            self._keep(entry)
        match find_duty(entry.record, now):
            case "forget":
                self._store.delete(entry.record.id)
                del self._entries[entry.record.id]
            case "erase":
                self._erase(entry)
            case "delete live clips":
                self._store.folder(entry.record.id).delete_live_clips()

    def _erase(self, entry: Entry) -> None:
        """Delete the files and what was asked for; that there was a job is still known for some days."""
        if entry.record.erased:
            return
        self._store.folder(entry.record.id).delete_files()
        blank = JobRequest(profile=entry.record.request.profile)
        self._save(entry, erased=True, request=blank, result=None, notices=())
