"""One folder a job: its record, inputs and results, under an id that cannot be guessed."""

import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from app.errors import DataFolderError, JobNotFoundError, StorageError
from app.records import JobRecord
from pipeline.types import GenerationRequest

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_RECORD = "job.json"
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

    def read(self) -> JobRecord:
        """Return the job's record.

        Raises:
            JobNotFoundError: There is none.
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
        request = self.read().request
        return GenerationRequest(photo=self.photo, voice=self.voice, **dict(request))

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
        """The file of measured speeds."""
        return self._root / "speeds.json"

    def close(self) -> None:
        """Let another server have the folder."""
        self._lock.close()

    def create(self) -> tuple[str, JobFolder]:
        """Make the folder of a new job, which has no record yet."""
        job_id = secrets.token_urlsafe(16)
        folder = JobFolder(self._jobs / job_id)
        folder.path.mkdir()
        _sync_folder(self._jobs)
        return job_id, folder

    def folder(self, job_id: str) -> JobFolder:
        """Return the folder of a job, which is there unless it was deleted by hand.

        Raises:
            JobNotFoundError: This is no id.
        """
        if not _ID.fullmatch(job_id):
            raise JobNotFoundError
        return JobFolder(self._jobs / job_id)

    def load(self) -> Iterator[JobRecord]:
        """Yield all records, oldest first.

        Folders without a readable one are deleted: no job was promised, or nobody can say when its files expire. What
        has no id for a name is not ours and stays.
        """
        records = [_read_or_delete(path) for path in self._jobs.iterdir() if _ID.fullmatch(path.name)]
        yield from sorted(filter(None, records), key=lambda record: record.created_at)

    def delete(self, job_id: str) -> None:
        """Delete a job with all of its files."""
        _delete(self.folder(job_id).path)

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
    with partial.open("wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync_folder(path.parent)


def _read_or_delete(path: Path) -> JobRecord | None:
    try:
        record = JobFolder(path).read()
    except (JobNotFoundError, ValidationError, NotADirectoryError):
        record = None
    except OSError as error:
        _log.error("job %.6s cannot be read and is left as it is: %s", path.name, error.strerror)
        return None
    if record is not None and record.id == path.name:
        return record
    _log.warning("job %.6s has no record that can be read; its files are deleted", path.name)
    _delete(path)
    return None


def _sync_folder(path: Path) -> None:
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
