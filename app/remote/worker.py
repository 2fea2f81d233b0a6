"""The GPU's side: makes the video of one job after another, each safe to be begun twice."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from app.errors import JobNotFoundError
from app.jobs import RunEnd, RunUpdate
from app.jobs.messages import EVENTS
from app.jobs.work import attempt
from app.records import JobRecord
from app.remote.cloud import Delivery
from app.remote.command import lay_out
from app.remote.cost import find_cost
from app.remote.notes import NoteKeys
from app.remote.outcome import read_end, write_end
from app.storage import JobFolder
from pipeline.engine import Engine, Reporter
from pipeline.errors import EngineError, GenerationCancelledError
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.types import Progress

MAX_ATTEMPTS = 3
_SECONDS_BETWEEN_NOTES = 1.0
_LOOKS_FOR_INPUTS = 5


class Desk(Protocol):
    """What the worker needs of the place where it is."""

    def load_files(self) -> None:
        """See what others wrote to the jobs' folders."""
        ...

    def save_files(self) -> None:
        """Make what was written to the jobs' folders visible to others, and lasting."""
        ...

    def read_note(self, key: str) -> str | None:
        """Return what was noted under the key, by anyone."""
        ...

    def write_note(self, key: str, note: str) -> None:
        """Note something for everyone."""
        ...


class RemoteWorker:
    """Makes videos with an engine that stays loaded."""

    def __init__(
        self,
        jobs: Path,
        desk: Desk,
        find_engine: Callable[[Model], Engine],
        time_limits: Mapping[str, float],
        device_name: str,
        *,
        num_gpus: int = 1,
        seconds_between_looks: float = 3.0,
    ) -> None:
        """Prepare it; the engine is loaded with the first job, or before by its owner.

        Args:
            jobs: The folder of the jobs' folders.
            desk: Files and notes that both sides see.
            find_engine: Returns the engine of a model.
            time_limits: Seconds that a run may take, by profile.
            device_name: Of the GPU, as its driver names it.
            num_gpus: How many of it make a video together.
            seconds_between_looks: For a job's files that have not come yet.
        """
        self._jobs = jobs
        self._desk = desk
        self._find_engine = find_engine
        self._time_limits = time_limits
        self._device_name = device_name
        self._num_gpus = num_gpus
        self._seconds_between_looks = seconds_between_looks

    def run(self, job_id: str) -> Delivery:
        """Make the job's video; if an earlier run has, hand over that one.

        Args:
            job_id: Names the folder with record, photo and voice.
        """
        self._desk.load_files()
        folder = JobFolder(self._jobs / job_id)
        end = read_end(folder)
        if end is None:
            end = self._begin(folder)
        if end.status != "done":
            return Delivery(end)
        return Delivery(end, folder.video.read_bytes(), folder.poster.read_bytes())

    def make(self, photo: bytes, voice: bytes, request: dict[str, Any], note_key: str) -> tuple[RunEnd, bytes]:
        """Make a video of files that belong to no job; nothing of it is kept.

        Args:
            photo: The picture's file.
            voice: The recording's file.
            request: Fields of `JobRequest`.
            note_key: Where progress is noted, in place of a job's id.

        Returns:
            How it ended, and the mp4.
        """
        with lay_out(photo, voice, request) as folder:
            end = self._attempt(folder, NoteKeys(note_key))
            return end, folder.video.read_bytes() if end.status == "done" else b""

    def _begin(self, folder: JobFolder) -> RunEnd:
        if not self._await_inputs(folder):
            return RunEnd("failed", error=Notice("remote.files_missing", "request"))
        keys = NoteKeys(folder.path.name)
        num_attempts = int(self._desk.read_note(keys.attempts) or 0) + 1
        if num_attempts > MAX_ATTEMPTS:
            return RunEnd("failed", error=Notice("remote.crashed", "request", {"attempts": MAX_ATTEMPTS}))
        self._desk.write_note(keys.attempts, str(num_attempts))
        end = self._attempt(folder, keys)
        write_end(folder, end)
        self._desk.save_files()
        return end

    def _await_inputs(self, folder: JobFolder) -> bool:
        """Look again for a while: what the web's side has written may take some seconds to get here."""
        for _ in range(_LOOKS_FOR_INPUTS):
            if _has_inputs(folder):
                return True
            time.sleep(self._seconds_between_looks)
            self._desk.load_files()
        return _has_inputs(folder)

    def _attempt(self, folder: JobFolder, keys: NoteKeys) -> RunEnd:
        """Work on a copy on this machine's own disk; what lands in the job's folder is whole."""
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as path:
            copy = JobFolder(Path(shutil.copytree(folder.path, path, dirs_exist_ok=True)))
            end = attempt(copy, self._find_engine, self._make_reporter(copy.read(), keys))
            if end.status == "done":
                _move(copy.poster, folder.poster)
                _move(copy.video, folder.video)
        return self._add_cost(end, time.monotonic() - started)

    def _make_reporter(self, record: JobRecord, keys: NoteKeys) -> Reporter:
        return _Reporter(self._desk, keys, self._time_limits[record.request.profile])

    def _add_cost(self, end: RunEnd, seconds: float) -> RunEnd:
        if end.result is None:
            return end
        cost = find_cost(self._device_name, seconds, self._num_gpus)
        return RunEnd(end.status, end.result.model_copy(update={"cost": cost}), end.error)


class _Reporter:
    """Notes progress, not too often; raises once the job is cancelled or out of time."""

    def __init__(self, desk: Desk, keys: NoteKeys, limit_seconds: float) -> None:
        self._desk = desk
        self._keys = keys
        self._limit_seconds = limit_seconds
        self._started = time.monotonic()
        self._noted_at = -_SECONDS_BETWEEN_NOTES
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._started > self._limit_seconds:
            minutes = round(self._limit_seconds / 60)
            raise EngineError(
                f"The video was not done after {minutes} minutes, the limit of its profile. Use a shorter voice or a "
                "quicker profile, or raise the limit."
            )
        if progress.stage == self._stage and now - self._noted_at < _SECONDS_BETWEEN_NOTES:
            return
        self._stage, self._noted_at = progress.stage, now
        self._desk.write_note(self._keys.progress, EVENTS.dump_json(RunUpdate(progress)).decode())
        if self._desk.read_note(self._keys.cancelled):
            raise GenerationCancelledError("The job was cancelled.")


def _has_inputs(folder: JobFolder) -> bool:
    try:
        folder.read()
    except JobNotFoundError:
        return False
    return folder.photo.is_file() and folder.voice.is_file()


def _move(source: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    shutil.copyfile(source, partial)
    partial.replace(target)
