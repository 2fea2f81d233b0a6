"""The GPU's side: makes the video of one job after another, each safe to be begun twice."""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from app.errors import JobNotFoundError
from app.jobs import RunEnd, RunUpdate
from app.jobs.messages import EVENTS
from app.jobs.speed import SpeedBook, name_place
from app.jobs.work import attempt
from app.records import JobRecord
from app.remote.cloud import Delivery
from app.remote.command import lay_out, measure
from app.remote.cost import find_cost
from app.remote.limits import TimeLimits
from app.remote.notes import Attempts, NoteKeys
from app.remote.outcome import read_end, write_end
from app.remote.reporter import RemoteReporter, RunNotes
from app.storage import JobFolder
from pipeline.engine import Engine
from pipeline.estimate import find_device
from pipeline.notices import Notice
from pipeline.profiles import Model

MAX_ATTEMPTS = 3
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
        limits: TimeLimits,
        device_name: str,
        *,
        num_gpus: int = 1,
        refusal: Notice | None = None,
        seconds_between_looks: float = 3.0,
    ) -> None:
        """Prepare it; the engine is loaded with the first job, or before by its owner.

        Args:
            jobs: The folder of the jobs' folders.
            desk: Files and notes that both sides see.
            find_engine: Returns the engine of a model.
            limits: How long runs may take.
            device_name: Of the GPU, as its driver names it.
            num_gpus: How many of it make a video together.
            refusal: Why no video can be made here at all; every job is told.
            seconds_between_looks: For a job's files that have not come yet.
        """
        self._jobs = jobs
        self._desk = desk
        self._find_engine = find_engine
        self._limits = limits
        self._device_name = device_name
        self._num_gpus = num_gpus
        self._refusal = refusal
        self._seconds_between_looks = seconds_between_looks

    def run(self, job_id: str) -> Delivery:
        """Make the job's video; if an earlier run has, hand over that one.

        Args:
            job_id: Names the folder with record, photo and voice.
        """
        self._desk.load_files()
        folder = JobFolder(self._jobs / job_id)
        end = read_end(folder) or self._begin(folder)
        self._delete_inputs(folder)
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
            measure(folder)
            end = self._attempt(folder, NoteKeys(note_key), lost_seconds=0.0)
            return end, folder.video.read_bytes() if end.status == "done" else b""

    def _begin(self, folder: JobFolder) -> RunEnd:
        if not self._await_inputs(folder):
            return RunEnd("failed", error=Notice("remote.files_missing", "request"))
        keys = NoteKeys(folder.path.name)
        before = self._count_attempts(keys)
        if before.count >= MAX_ATTEMPTS:
            end = RunEnd("failed", error=Notice("remote.crashed", "request", {"attempts": MAX_ATTEMPTS}))
            end = self._complete(end, None, before.lost_seconds)
        else:
            self._desk.write_note(keys.attempts, str(Attempts(before.count + 1, before.lost_seconds)))
            end = self._attempt(folder, keys, before.lost_seconds)
        write_end(folder, end)
        self._desk.save_files()
        return end

    def _count_attempts(self, keys: NoteKeys) -> Attempts:
        """Return how often the job was begun; what the last run told before it was lost is added to what it cost."""
        attempts = Attempts.read(self._desk.read_note(keys.attempts))
        note = self._desk.read_note(keys.progress)
        if not attempts.count or note is None:
            return attempts
        told = EVENTS.validate_json(note)
        seconds = told.seconds if isinstance(told, RunUpdate) else 0.0
        return Attempts(attempts.count, attempts.lost_seconds + seconds)

    def _delete_inputs(self, folder: JobFolder) -> None:
        """Delete photo and voice where the run ends, once its end is kept: perhaps nobody comes for days."""
        inputs = [path for path in (folder.photo, folder.voice) if path.exists()]
        for path in inputs:
            path.unlink()
        if inputs:
            self._desk.save_files()

    def _await_inputs(self, folder: JobFolder) -> bool:
        """Look again for a while: what the web's side has written may take some seconds to get here."""
        for _ in range(_LOOKS_FOR_INPUTS):
            if _has_inputs(folder):
                return True
            time.sleep(self._seconds_between_looks)
            self._desk.load_files()
        return _has_inputs(folder)

    def _attempt(self, folder: JobFolder, keys: NoteKeys, lost_seconds: float) -> RunEnd:
        """Work on a copy on this machine's own disk; what lands in the job's folder is whole."""
        if self._refusal:
            return self._complete(RunEnd("failed", error=self._refusal), None, lost_seconds)
        limit_seconds = self._find_limit(folder.read())
        report = RemoteReporter(self._make_notes(keys), limit_seconds)
        with tempfile.TemporaryDirectory() as path:
            copy = JobFolder(Path(shutil.copytree(folder.path, path, dirs_exist_ok=True)))
            end = attempt(copy, self._find_engine, report)
            if end.status == "done":
                _move(copy.poster, folder.poster)
                _move(copy.video, folder.video)
        if report.is_late:
            minutes = max(1, round(limit_seconds / 60))
            end = RunEnd("failed", error=Notice("remote.time_limit", "request", {"minutes": minutes}))
        return self._complete(end, report, lost_seconds)

    def _find_limit(self, record: JobRecord) -> float:
        device, request = find_device(self._device_name), record.request
        measured = device and self._speeds().ratio(name_place(request.profile, device, self._num_gpus))
        return self._limits.find(request, record.speech_seconds, device, self._num_gpus, measured)

    def _speeds(self) -> SpeedBook:
        return SpeedBook(self._jobs.parent / "speeds.json")

    def _make_notes(self, keys: NoteKeys) -> RunNotes:
        desk = self._desk
        return RunNotes(partial(desk.write_note, keys.progress), lambda: desk.read_note(keys.cancelled) is not None)

    def _complete(self, end: RunEnd, report: RemoteReporter | None, lost_seconds: float) -> RunEnd:
        """Add when the run was and what it cost, with those that were lost; learning takes the last one's seconds."""
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
    return folder.photo.is_file() and folder.voice.is_file()


def _move(source: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    shutil.copyfile(source, partial)
    partial.replace(target)
