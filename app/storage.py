"""One folder per job: its record, inputs and results, under an id that cannot be guessed."""

import errno
import fcntl
import logging
import os
import re
import secrets
import shutil
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from app.errors import DataFolderError, JobNotFoundError, JobSetAsideError, StorageError
from app.records import INPUT_NAMES, ONE_VOICE, JobRecord, list_voices
from pipeline.request import Inputs, VideoRequest

_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_RECORD = "job.json"
_SEGMENT = re.compile(r"init\.mp4|[0-9]+\.m4s")
_SCENE = "scene.safetensors"
_VIDEO = "video.mp4"
_POSTER = "poster.jpg"
_CREDENTIALS = "photo.c2pa"
_CHECKPOINT = "checkpoint"
_UNFINISHED = frozenset({*INPUT_NAMES.values(), _SCENE, f"{_SCENE}.part", _CREDENTIALS, f"{_RECORD}.part"})
"""What a folder may have in it while its job is being submitted, before it has a record."""
_MOVED = frozenset({_VIDEO, _POSTER})
"""What may be a link to where it was moved."""
BUCKET_MARK = "video-lab-bucket.txt"
"""A file by which the bucket of moved videos is known to be mounted."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_NO_LINKS = frozenset({errno.EPERM, errno.EXDEV, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS})
_LEAST_FREE_BYTES = 1_000_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobFolder:
    """The files of one job."""

    path: Path

    @property
    def photo(self) -> Path:
        """The photo as it was uploaded."""
        return self.path / INPUT_NAMES["image"]

    @property
    def voice(self) -> Path:
        """The recording as it was uploaded."""
        return self.path / INPUT_NAMES["audio"]

    @property
    def inputs(self) -> Inputs:
        """The files that the video is made of, as they were uploaded."""
        try:
            names = self.read().inputs
        except JobNotFoundError:
            names = ONE_VOICE
        return {role: self.path / name for role, name in names.items()}

    @property
    def voices(self) -> tuple[Path, ...]:
        """The recordings among them, in the order of their speakers."""
        return list_voices(self.inputs)

    @property
    def scene(self) -> Path:
        """The scene as it was checked (`app.scene_file`); a job of an older version has none."""
        return self.path / _SCENE

    @property
    def credentials(self) -> Path:
        """The photo's own Content Credentials (`pipeline.credentials`), if it has any that can be kept."""
        return self.path / _CREDENTIALS

    @property
    def video(self) -> Path:
        """The finished mp4; it appears once it is complete."""
        return self.path / _VIDEO

    @property
    def has_video(self) -> bool:
        """Whether the video is finished; one that was moved is, though its bucket may be out of reach."""
        return self.video.is_symlink() or self.video.is_file()

    @property
    def poster(self) -> Path:
        """A still picture of the video, JPEG."""
        return self.path / _POSTER

    @property
    def live(self) -> Path:
        """The folder of segments that can be watched while the video is made."""
        return self.path / "live"

    @property
    def num_live_segments(self) -> int:
        """How many segments are complete; they are numbered from 0."""
        return sum(1 for _ in self.live.glob("*.m4s"))

    @property
    def checkpoint(self) -> Path:
        """The folder of the clips that are finished while the video is made (`pipeline.checkpoint`)."""
        return self.path / _CHECKPOINT

    @property
    def end(self) -> Path:
        """How the job's run ended; written when the video is complete, and kept until the record says so."""
        return self.path / "end.json"

    @property
    def reports(self) -> Path:
        """What people reported about the video (`app.reports`)."""
        return self.path / "reports.json"

    @property
    def decision(self) -> Path:
        """What was decided about these reports."""
        return self.path / "decision.json"

    @property
    def is_whole(self) -> bool:
        """Whether everything that a run needs is there."""
        return all(path.is_file() for path in self.inputs.values())

    def read(self) -> JobRecord:
        """Return the job's record.

        Raises:
            JobNotFoundError: There is no record.
            ValidationError: This version cannot read it.
        """
        try:
            return JobRecord.model_validate_json((self.path / _RECORD).read_bytes())
        except FileNotFoundError:
            raise JobNotFoundError from None

    def write(self, record: JobRecord) -> None:
        """Write the record."""
        write_whole(self.path / _RECORD, record.model_dump_json())

    def draft(self, record: JobRecord) -> None:
        """Write the first record of a job that a crash may still undo."""
        (self.path / _RECORD).write_text(record.model_dump_json())

    def read_request(self) -> VideoRequest:
        """Return what the job was asked for, with the seed that was drawn for it."""
        record = self.read()
        return record.request if record.resolved is None else replace(record.request, seed=record.resolved.seed)

    def delete_inputs(self) -> None:
        """Delete photo, voice, scene and what a run left unfinished. Live segments stay: they may be watched."""
        reported = {self.reports.name, self.decision.name}
        self._delete_all_but({_RECORD, self.video.name, self.poster.name, self.live.name} | reported)

    def find_segment(self, name: str) -> Path | None:
        """Return one of the live segments, or what comes before the first of them; None where it is not there."""
        path = self.live / name
        return path if _SEGMENT.fullmatch(name) and path.is_file() else None

    def delete_live_segments(self) -> None:
        """Delete the segments that could be watched while the video was made."""
        delete(self.live)

    def delete_checkpoint(self) -> None:
        """Delete the finished clips: the video is there, or nobody wants it any more."""
        delete(self.checkpoint)

    def delete_video(self) -> None:
        """Delete all that shows the video."""
        for path in (self.video, self.poster, self.live):
            delete(path)

    def delete_files(self) -> None:
        """Delete everything but the record."""
        self._delete_all_but({_RECORD})

    def _delete_all_but(self, kept: set[str]) -> None:
        for path in self.path.iterdir() if self.path.is_dir() else ():  # someone may have deleted the folder by hand
            if path.name not in kept:
                delete(path)


class JobStore:
    """The data folder, with the folders of all jobs. Only one server at a time can use it."""

    def __init__(self, root: Path) -> None:
        """Lock the folder.

        Args:
            root: Created if it is missing.

        Raises:
            DataFolderError: Another server is using it, or it cannot be written to.
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
        weakref.finalize(self, self._lock.close)  # of a store that nobody closed
        self._take_lock()
        delete(self._incoming)  # what an earlier server was receiving

    @property
    def _incoming(self) -> Path:
        return self._root / "incoming"

    @contextmanager
    def receive(self) -> Iterator[Path]:
        """Lend a folder for uploads that do not belong to a job yet; it is deleted afterwards.

        Raises:
            StorageError: The disk is full.
        """
        folder = self._incoming / secrets.token_urlsafe(16)
        with explain_full_disk():
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                delete(folder)

    @property
    def speeds(self) -> Path:
        """The file of measured speeds; it lies next to the folder of jobs, wherever that is."""
        return self._jobs.resolve().parent / "speeds.json"

    @property
    def shelf(self) -> Path:
        """The folder of files that requests name; it lies next to the folder of jobs, so that they can be linked.

        The page has a folder of its own, in which it deletes what it does not know.
        """
        return self._jobs.resolve().parent / "shelf"

    @property
    def clock(self) -> Path:
        """The file of the clock."""
        return self._root / "clock.json"

    @property
    def num_set_aside(self) -> int:
        """How many jobs have records that could not be read; their files are left alone."""
        return len(self._set_aside)

    @property
    def set_aside(self) -> frozenset[str]:
        """The ids of these jobs."""
        return frozenset(self._set_aside)

    @property
    def spending(self) -> Path:
        """The file of what was spent; it lies next to the folder of jobs, wherever that is."""
        return self._jobs.resolve().parent / "spending.json"

    def find_obstacles(self, wanted_bytes: int) -> Iterator[str]:
        """Yield why nothing could be stored, one sentence each.

        Args:
            wanted_bytes: What has to fit.
        """
        try:
            free = shutil.disk_usage(self._jobs).free
        except OSError as error:
            yield f"The data folder cannot be used ({error.strerror})."
            return
        if free < wanted_bytes:
            yield "The disk is full."
        if not os.access(self._jobs, os.W_OK):
            yield "The data folder cannot be written to."

    def close(self) -> None:
        """Unlock the folder."""
        self._lock.close()

    def check_free(self, num_bytes: int) -> None:
        """Check that so many bytes would leave room on the disk.

        Raises:
            StorageError: They would not.
        """
        if shutil.disk_usage(self._jobs).free < num_bytes + _LEAST_FREE_BYTES:
            raise StorageError(os.strerror(errno.ENOSPC))

    def create(self, job_id: str | None = None) -> tuple[str, JobFolder]:
        """Create the folder of a new job, which has no record yet; None gives it a new id."""
        job_id, folder = self.begin(job_id)
        sync(self._jobs)
        return job_id, folder

    def begin(self, job_id: str | None = None) -> tuple[str, JobFolder]:
        """Create the folder of a new job as `create` does, which a crash may undo."""
        job_id = job_id or make_id()
        folder = JobFolder(self._jobs / job_id)
        folder.path.mkdir()
        return job_id, folder

    def folder(self, job_id: str) -> JobFolder:
        """Return the folder of a job, which exists unless it was deleted by hand.

        Raises:
            JobNotFoundError: This is not an id.
        """
        if not is_id(job_id):
            raise JobNotFoundError
        return JobFolder(self._jobs / job_id)

    def load(self) -> Iterator[JobRecord]:
        """Yield all records, oldest first.

        A folder without a record that has no more in it than an unfinished submission is deleted: its job was never
        accepted. Any other job whose record cannot be read is set aside: its folder stays as it is, video included,
        until a version that can read it is started, or somebody sees to it. Folders that are not named by an id are
        not ours, and stay, too.
        """
        records = [self._read(path) for path in self._jobs.iterdir() if is_id(path.name)]
        yield from sorted(filter(None, records), key=lambda record: record.created_at)

    def explain_missing(self, job_id: str) -> JobNotFoundError:
        """Return why a job cannot be found: its record cannot be read, or there is no such job."""
        return JobSetAsideError(job_id) if job_id in self._set_aside else JobNotFoundError()

    def delete(self, job_id: str) -> None:
        """Delete a job and all its files."""
        folder = self.folder(job_id)
        folder.delete_files()
        delete(folder.path)

    def _read(self, path: Path) -> JobRecord | None:
        """Return the record. If it cannot be read, set the job aside or delete what was abandoned, and return None."""
        try:
            if is_abandoned(path):
                delete(path)
                _log.warning("job %.6s was never submitted completely; its files are deleted", path.name)
                return None
            return _read_record(path)
        except (JobNotFoundError, ValidationError, ValueError, OSError) as error:
            self._set_aside.add(path.name)
            _log.error("job %.6s is set aside; its files are left alone: %s", path.name, _explain(error))
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
        with suppress(OSError):  # on a full disk, the next server cannot say who is using the folder
            os.ftruncate(self._lock.fileno(), 0)
            os.write(self._lock.fileno(), str(os.getpid()).encode())


def try_link(source: Path, target: Path) -> bool:
    """Link a file to another place; False where the disk knows no links, so that it has to be copied."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


@contextmanager
def explain_full_disk() -> Iterator[None]:
    """Turn a write that fails for lack of room into an error that says so.

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


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it outlives a crash; readers see the old one or the new one, never half of it."""
    partial = path.with_name(f"{path.name}.part")
    try:
        with partial.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync(path.parent)


def make_id() -> str:
    """Return the id of a new job, which nobody can guess."""
    return secrets.token_urlsafe(16)


def is_id(text: str) -> bool:
    """Whether this can be the id of a job."""
    return _ID.fullmatch(text) is not None


def is_abandoned(path: Path) -> bool:
    """Whether a submission ended before its job was accepted, or a run elsewhere saved clips of a deleted one."""
    if not path.is_dir() or path.is_symlink():
        return False
    found = {entry.name for entry in path.iterdir()}
    if _RECORD in found and _is_empty(path / _RECORD):  # the machine lost its power with `draft`
        found.remove(_RECORD)
    return found - {_CHECKPOINT} <= _UNFINISHED


def _is_empty(path: Path) -> bool:
    state = path.lstat()
    return stat.S_ISREG(state.st_mode) and state.st_size == 0


def _read_record(path: Path) -> JobRecord:
    mode = (path / _RECORD).lstat().st_mode
    if not stat.S_ISREG(mode):  # reading a pipe would never end
        raise ValueError(f"{_RECORD} is not a file")
    record = JobFolder(path).read()
    if record.id != path.name:
        raise ValueError("its record belongs to another job")
    return record


def _explain(error: Exception) -> str:
    """Explain why a record cannot be read, without revealing what is in it."""
    match error:
        case ValidationError():
            places = {".".join(map(str, detail["loc"])) or "not JSON" for detail in error.errors()}
            return f"{_RECORD}: not understood: {', '.join(sorted(places))}"
        case OSError():
            return f"{_RECORD}: {error.strerror}"
        case _:
            return str(error)


def sync(path: Path) -> None:
    """Flush a file, or a folder's list of files, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_bucket(folder: Path) -> None:
    """Check that a bucket is mounted in a folder or above it: the folder is there all the same.

    Raises:
        OSError: It is not.
    """
    if not folder.is_mount():
        (folder / BUCKET_MARK).stat()


def delete(path: Path) -> None:
    """Delete a file or a folder, if it is there; before the link to a video that was moved (`app.bucket`), the video.

    Raises:
        OSError: That cannot be deleted now.
    """
    if path.is_symlink() and path.name in _MOVED:
        require_bucket(path.readlink().parent)  # else nothing can be said to be deleted
        path.readlink().unlink(missing_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
