"""The GPU side: makes the video of one job after another. Each run is safe to be started twice."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from app.errors import JobNotFoundError
from app.jobs import RunEnd, RunUpdate
from app.jobs.forecast import SpeedBook, name_place
from app.jobs.runners.protocol import EVENTS, read_end, write_end
from app.jobs.runners.work import attempt
from app.records import JobRecord
from app.remote.clip_saver import ClipSaver
from app.remote.cloud import ResultPayload
from app.remote.command import lay_out, record_scene
from app.remote.limits import TimeLimits, find_cost
from app.remote.reporter import RemoteReporter, RunChannel
from app.remote.store import Attempts, JobKeys
from app.starts import KeyValueStore
from app.storage import JobFolder, delete
from pipeline.checkpoint import ClipPlace, count_clips
from pipeline.devices import find_device
from pipeline.engine import Engine
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.request import Role

MAX_ATTEMPTS = 3
_RETRIES_FOR_INPUTS = 5
_LEFT_OUT = ("*.part",)


class WorkerContext(KeyValueStore, Protocol):
    """What the worker needs from the place where it runs."""

    def delete_value(self, key: str) -> None:
        """Delete a key from the store, if it is there."""
        ...

    def load_files(self) -> None:
        """Reload the jobs' folders, to see what others wrote."""
        ...

    def save_files(self) -> None:
        """Commit what was written to the jobs' folders, so that others see it and it survives."""
        ...


class RemoteWorker:
    """Makes videos with an engine that stays loaded."""

    def __init__(
        self,
        jobs: Path,
        context: WorkerContext,
        find_engine: Callable[[Model], Engine],
        limits: TimeLimits,
        device_name: str,
        *,
        num_gpus: int = 1,
        refusal: Notice | None = None,
        retry_seconds: float = 3.0,
    ) -> None:
        """Prepare the worker; the engine is loaded with the first job, or earlier by its owner.

        Args:
            jobs: The folder of the jobs' folders.
            context: Has the files and values that both sides share.
            find_engine: Returns the engine of a model.
            limits: How long runs may take.
            device_name: Name of the GPU, as its driver reports it.
            num_gpus: How many GPUs make a video together.
            refusal: Why no video can be made here at all; every job fails with it.
            retry_seconds: Time between two looks for a job's files that have not arrived yet.
        """
        self._jobs = jobs
        self._context = context
        self._find_engine = find_engine
        self._limits = limits
        self._device_name = device_name
        self._num_gpus = num_gpus
        self._refusal = refusal
        self._retry_seconds = retry_seconds

    def run(self, job_id: str) -> ResultPayload:
        """Make the job's video; if an earlier run has done so, return that one.

        Args:
            job_id: Names the folder that has record, photo and voice.
        """
        self._context.load_files()
        folder = JobFolder(self._jobs / job_id)
        end = read_end(folder) or self._begin(folder)
        self._delete_inputs(folder)
        self._announce(end, JobKeys(job_id))
        if end.status != "done":
            return ResultPayload(end)
        return ResultPayload(end, folder.video.read_bytes(), folder.poster.read_bytes())

    def make(
        self,
        scene: bytes,
        voices: Mapping[Role, bytes],
        request: dict[str, Any],
        run_key: str,
        watermark: str | None = None,
    ) -> tuple[RunEnd, bytes]:
        """Make a video from files that belong to no job; nothing is kept.

        Args:
            scene: Content of the file that `check_files` made.
            voices: Contents of the recordings' files, by their roles.
            request: Fields of `VideoRequest`.
            run_key: Stands in for a job's id in the keys of the store.
            watermark: What the mark in the video says; None makes none.

        Returns:
            How it ended, and the mp4.
        """
        with lay_out(voices, request) as folder:
            folder.scene.write_bytes(scene)
            record_scene(folder, watermark)
            end = self._attempt(folder, JobKeys(run_key), lost_seconds=0.0, is_kept=False)
            self._context.delete_value(JobKeys(run_key).progress)
            return end, folder.video.read_bytes() if end.status == "done" else b""

    def _announce(self, end: RunEnd, keys: JobKeys) -> None:
        """Note the end for the web container, which has written down that of a cancelled job by itself."""
        if end.status == "cancelled":
            self._context.delete_value(keys.progress)
        else:
            self._context.write_value(keys.progress, EVENTS.dump_json(replace(end, result=None)).decode())

    def _begin(self, folder: JobFolder) -> RunEnd:
        if not self._await_inputs(folder):
            return RunEnd("failed", error=Notice("remote.files_missing", "request"))
        keys = JobKeys(folder.path.name)
        before = self._count_attempts(keys, count_clips(folder.checkpoint))
        if before.count >= MAX_ATTEMPTS:
            end = RunEnd("failed", error=Notice("remote.crashed", "request", {"attempts": MAX_ATTEMPTS}))
            end = self._complete(end, None, before.lost_seconds)
        else:
            self._context.write_value(keys.attempts, str(replace(before, count=before.count + 1)))
            self._context.delete_value(keys.progress)  # its seconds are counted: another run must not add them again
            end = self._attempt(folder, keys, before.lost_seconds)
        write_end(folder, end)
        self._context.save_files()
        return end

    def _count_attempts(self, keys: JobKeys, num_clips: int) -> Attempts:
        """Return how often the run was started; the seconds that a lost run last reported count towards the cost.

        Each run that finished clips is worth another one: a long video may lose its GPU many times on its way.
        """
        attempts = Attempts.read(self._context.read_value(keys.attempts))
        reported = self._context.read_value(keys.progress)
        if not attempts.count:
            return replace(attempts, num_clips=num_clips)
        update = None if reported is None else EVENTS.validate_json(reported)
        seconds = update.seconds if isinstance(update, RunUpdate) else 0.0
        count = 0 if num_clips > attempts.num_clips else attempts.count
        return Attempts(count, attempts.lost_seconds + seconds, max(num_clips, attempts.num_clips))

    def _delete_inputs(self, folder: JobFolder) -> None:
        """Delete inputs and clips where the run ends, once its end is kept: perhaps nobody comes for days."""
        inputs = [path for path in (*folder.inputs.values(), folder.scene, folder.checkpoint) if path.exists()]
        for path in inputs:
            delete(path)
        if inputs:
            self._context.save_files()

    def _await_inputs(self, folder: JobFolder) -> bool:
        """Retry for a while: what the web side has written may take some seconds to arrive."""
        for _ in range(_RETRIES_FOR_INPUTS):
            if _has_inputs(folder):
                return True
            time.sleep(self._retry_seconds)
            self._context.load_files()
        return _has_inputs(folder)

    def _attempt(self, folder: JobFolder, keys: JobKeys, lost_seconds: float, *, is_kept: bool = True) -> RunEnd:
        """Work on a copy on this machine's own disk; only complete files, and finished clips, get into the folder."""
        if self._refusal:
            return self._complete(RunEnd("failed", error=self._refusal), None, lost_seconds)
        limit_seconds = self._find_limit(folder.read())
        report = RemoteReporter(self._open_channel(keys), limit_seconds)
        left_out = shutil.ignore_patterns(folder.checkpoint.name, *_LEFT_OUT)
        with tempfile.TemporaryDirectory() as path, ClipSaver(self._context.save_files) as saver:
            copy = JobFolder(Path(shutil.copytree(folder.path, path, ignore=left_out, dirs_exist_ok=True)))
            place = ClipPlace(folder.checkpoint, saver.save, saver.guard) if is_kept else None
            with self._leaving_nothing(folder, keys, saver):
                end = attempt(copy, self._find_engine, report, place=place)
            if end.status == "done":
                _move(copy.poster, folder.poster)
                _move(copy.video, folder.video)
        if report.is_late:
            minutes = max(1, round(limit_seconds / 60))
            end = RunEnd("failed", error=Notice("remote.time_limit", "request", {"minutes": minutes}))
        return self._complete(end, report, lost_seconds)

    @contextmanager
    def _leaving_nothing(self, folder: JobFolder, keys: JobKeys, saver: ClipSaver) -> Iterator[None]:
        """Delete the clips of a run that is ended from outside because its job was cancelled: no other takes over."""
        try:
            yield
        except BaseException:
            with suppress(Exception):
                if self._context.read_value(keys.cancelled) is not None:
                    with saver.guard:
                        folder.delete_checkpoint()
                        self._context.save_files()
            raise

    def _find_limit(self, record: JobRecord) -> float:
        device, request = find_device(self._device_name), record.request
        measured = device and self._speeds().ratio(name_place(request.profile, device, self._num_gpus))
        return self._limits.find(request, record.speech_seconds, device, self._num_gpus, measured)

    def _speeds(self) -> SpeedBook:
        return SpeedBook(self._jobs.parent / "speeds.json")

    def _open_channel(self, keys: JobKeys) -> RunChannel:
        context = self._context
        is_cancelled = partial(context.read_value, keys.cancelled)
        return RunChannel(partial(context.write_value, keys.progress), lambda: is_cancelled() is not None)

    def _complete(self, end: RunEnd, report: RemoteReporter | None, lost_seconds: float) -> RunEnd:
        """Add the run's times, and its cost including the runs that were lost."""
        seconds = report.seconds if report else 0.0
        cost = find_cost(self._device_name, lost_seconds + seconds, self._num_gpus)
        result = end.result and end.result.model_copy(update={"cost": cost})
        started_at = report.started_at if report else None
        return replace(end, result=result, cost=cost, started_at=started_at, finished_at=datetime.now(UTC))


def _has_inputs(folder: JobFolder) -> bool:
    try:
        folder.read()
    except JobNotFoundError:
        return False
    return folder.is_whole


def _move(source: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    shutil.copyfile(source, partial)
    partial.replace(target)
