"""One folder a job: its record, inputs and results, under an id that cannot be guessed."""

import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.errors import DataFolderError, JobNotFoundError, JobSetAsideError, StorageError
from app.records import JobRecord
from pipeline.types import GenerationRequest

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_RECORD = "job.json"
_UNFINISHED = frozenset({"photo", "voice", f"{_RECORD}.part"})
"""What a folder may have in it while its job is being submitted, before it has a record."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobFolder:
    """The files of one job."""

    path: Path

    @property
    def photo(self) -> Path:
        """The photo as it was uploaded."""
        return self.path / "photo"

    @property
    def voice(self) -> Path:
        """The recording as it was uploaded."""
        return self.path / "voice"

    @property
    def video(self) -> Path:
        """The finished mp4; it appears whole."""
        return self.path / "video.mp4"

    @property
    def poster(self) -> Path:
        """A still picture of the video, JPEG."""
        return self.path / "poster.jpg"

    @property
    def live(self) -> Path:
        """The folder of clips that can be watched while the video is made."""
        return self.path / "live"

    @property
    def live_clips(self) -> list[Path]:
        """The clips that are whole, in order."""
        return sorted(self.live.glob("[0-9]*.mp4"))

    @property
    def end(self) -> Path:
        """How the job's run ended, from when its video is whole until the record says so."""
        return self.path / "end.json"

    @property
    def is_whole(self) -> bool:
        """Whether all that a run needs is there."""
        return self.photo.is_file() and self.voice.is_file()

    def read(self) -> JobRecord:
        """Return the job's record.

        Raises:
            JobNotFoundError: There is none.
            ValidationError: It is none that this version knows.
        """
        try:
            return JobRecord.model_validate_json((self.path / _RECORD).read_bytes())
        except FileNotFoundError:
            raise JobNotFoundError from None

    def write(self, record: JobRecord) -> None:
        """Keep the record."""
        write_whole(self.path / _RECORD, record.model_dump_json())

    def generation_request(self) -> GenerationRequest:
        """Return the job's request, with its files, as the pipeline takes it."""
        record = self.read()
        resolved = {} if record.resolved is None else record.resolved.known
        return GenerationRequest(photo=self.photo, voice=self.voice, **record.request.known | resolved)

    def delete_inputs(self) -> None:
        """Delete photo, voice and what a run left half done. Live clips stay: someone may be watching them."""
        self._delete_all_but({_RECORD, self.video.name, self.poster.name, self.live.name})

    def delete_live_clips(self) -> None:
        """Delete the clips that could be watched while the video was made."""
        _delete(self.live)

    def delete_files(self) -> None:
        """Delete all but the record."""
        self._delete_all_but({_RECORD})

    def _delete_all_but(self, kept: set[str]) -> None:
        for path in self.path.iterdir() if self.path.is_dir() else ():  # someone may have deleted it all by hand
            if path.name not in kept:
                _delete(path)


class JobStore:
    """The folder of all jobs. One server at a time has it."""

    def __init__(self, root: Path) -> None:
        """Take the folder.

        Args:
            root: Is made if it is missing.

        Raises:
            DataFolderError: Another server has it, or it cannot be written to.
        """
        self._root = root
        self._jobs = root / "jobs"
        self._set_aside: set[str] = set()
        try:
            self._jobs.mkdir(parents=True, exist_ok=True)
            self._lock = (root / "lock").open("a+")
        except OSError as error:
            raise DataFolderError(
                f"The data folder '{root}' cannot be written to ({error.strerror}). "
                "Set VIDEO_LAB_DATA_DIR to a folder that can."
            ) from None
        self._take_lock()
        _delete(self._incoming)  # what an earlier server was receiving

    @property
    def _incoming(self) -> Path:
        return self._root / "incoming"

    @contextmanager
    def receive(self) -> Iterator[Path]:
        """Lend a folder for uploads that are not a job yet; it is deleted afterwards.

        Raises:
            StorageError: The disk is full.
        """
        folder = self._incoming / secrets.token_urlsafe(16)
        with explain_full_disk():
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                _delete(folder)

    @property
    def speeds(self) -> Path:
        """The file of measured speeds, beside the jobs wherever these are."""
        return self._jobs.resolve().parent / "speeds.json"

    @property
    def clock(self) -> Path:
        """The file of the time that it is."""
        return self._root / "clock.json"

    @property
    def num_set_aside(self) -> int:
        """How many jobs' records could not be read; their files are left as they are."""
        return len(self._set_aside)

    @property
    def spending(self) -> Path:
        """The file of what was spent, beside the jobs wherever these are."""
        return self._jobs.resolve().parent / "spending.json"

    def close(self) -> None:
        """Let another server have the folder."""
        self._lock.close()

    def create(self) -> tuple[str, JobFolder]:
        """Make the folder of a new job, which has no record yet."""
        job_id = secrets.token_urlsafe(16)
        folder = JobFolder(self._jobs / job_id)
        folder.path.mkdir()
        sync(self._jobs)
        return job_id, folder

    def folder(self, job_id: str) -> JobFolder:
        """Return the folder of a job, which is there unless it was deleted by hand.

        Raises:
            JobNotFoundError: This is no id.
        """
        if not is_id(job_id):
            raise JobNotFoundError
        return JobFolder(self._jobs / job_id)

    def load(self) -> Iterator[JobRecord]:
        """Yield all records, oldest first.

        A folder without a record that holds no more than a submission brings is deleted: no job was promised. Any other
        whose record cannot be read is set aside: it stays as it is, with its video, until a version that can read it
        or somebody who looks after the folder. What has no id for a name is not ours and stays, too.
        """
        records = [self._read(path) for path in self._jobs.iterdir() if is_id(path.name)]
        yield from sorted(filter(None, records), key=lambda record: record.created_at)

    def explain_missing(self, job_id: str) -> JobNotFoundError:
        """Return why there is no job of that id: its record cannot be read, or there was none."""
        return JobSetAsideError(job_id) if job_id in self._set_aside else JobNotFoundError()

    def delete(self, job_id: str) -> None:
        """Delete a job with all of its files."""
        _delete(self.folder(job_id).path)

    def _read(self, path: Path) -> JobRecord | None:
        """Return the record; None where there is none that can be read, which is seen to."""
        try:
            if is_abandoned(path):
                _delete(path)
                _log.warning("job %.6s was never submitted whole; its files are deleted", path.name)
                return None
            return _read_record(path)
        except (JobNotFoundError, ValidationError, ValueError, OSError) as error:
            self._set_aside.add(path.name)
            _log.error("job %.6s is set aside, its files stay as they are: %s", path.name, _explain(error))
            return None

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise DataFolderError(
                f"The data folder '{self._root}' is used by another server (process {owner}). "
                "Stop that one, or set VIDEO_LAB_DATA_DIR to another folder."
            ) from None
        with suppress(OSError):  # on a full disk nobody can read who has it
            os.ftruncate(self._lock.fileno(), 0)
            os.write(self._lock.fileno(), str(os.getpid()).encode())


@contextmanager
def explain_full_disk() -> Iterator[None]:
    """Turn a write that found no room into an error that says so.

    Raises:
        StorageError: The disk is full, or has become read-only.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _log.error("Nothing more can be stored: %s", error.strerror)
        raise StorageError(os.strerror(error.errno)) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it outlives a crash; readers see the old one or the new one, never half of it."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def is_id(text: str) -> bool:
    """Whether a job may be called so."""
    return _ID.fullmatch(text) is not None


def is_abandoned(path: Path) -> bool:
    """Whether a submission ended before its job was promised."""
    return path.is_dir() and not path.is_symlink() and {entry.name for entry in path.iterdir()} <= _UNFINISHED


def _read_record(path: Path) -> JobRecord:
    mode = (path / _RECORD).lstat().st_mode
    if not stat.S_ISREG(mode):  # a pipe would be read for ever
        raise ValueError(f"{_RECORD} is no file")
    record = JobFolder(path).read()
    if record.id != path.name:
        raise ValueError("its record is another job's")
    return record


def _explain(error: Exception) -> str:
    """Say why a record cannot be read, without a word of what is in it."""
    match error:
        case ValidationError():
            places = {".".join(map(str, detail["loc"])) or "it is no JSON" for detail in error.errors()}
            return f"{_RECORD}: not understood: {', '.join(sorted(places))}"
        case OSError():
            return f"{_RECORD}: {error.strerror}"
        case _:
            return str(error)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of them, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
