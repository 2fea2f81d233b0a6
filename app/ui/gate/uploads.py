"""The folder of uploads: who owns each, how much there may be, and when it is deleted."""

import logging
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.errors import StorageError, UploadLimitError, UploadNotFoundError
from app.quota import ByteQuota
from app.settings import MEGABYTE
from app.storage import explain_full_disk
from app.ui.gate.visitors import ANYONE

_RESULTS = "results"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_VISITOR = re.compile(rf"[0-9a-f]{{32}}|{ANYONE}")
_LONGEST_PATH = 4096
_UNKNOWN = ""
"""The client of uploads that an earlier server received."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadLimits:
    """How much is accepted.

    Attributes:
        file_bytes: Largest size of a file.
        client_folders: How many uploads of one client are kept.
        files_at_once: How many files may be in one request.
        kept_seconds: How long an upload is kept.
    """

    file_bytes: int
    client_folders: int = 300
    files_at_once: int = 4
    kept_seconds: float = 3600.0


@dataclass
class _Folder:
    """The files of one request, and those that were made from them since."""

    path: Path
    client: str
    began: float
    is_coming: bool = False


class Uploads:
    """The uploads of all visitors. Each is at `<visitor>/<token>/<name>`; nothing else is ever found."""

    def __init__(self, folder: Path, limits: UploadLimits, quota: ByteQuota) -> None:
        """Take over the folder, with what an earlier server left in it.

        Args:
            folder: Created if it is missing.
            limits: How much is accepted.
            quota: Counts the bytes of uploads, including those that arrive by other ways.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self.limits = limits
        self._folders: dict[Path, _Folder] = {}
        self.quota = quota
        self._lock = threading.Lock()
        self._take_over()

    @property
    def num_bytes(self) -> int:
        """Bytes of all uploads of the page."""
        return sum(map(self.quota.count, list(self._folders)))

    def __len__(self) -> int:
        return len(self._folders)

    @contextmanager
    def admit(self, visitor: str, client: str) -> Iterator["Admission"]:
        """Lend a new folder for the files of a request; it is deleted if anything goes wrong.

        Raises:
            UploadLimitError: The client has uploaded too much.
            StorageError: All together have, or the disk is full.
        """
        self._check(client)
        kept = _Folder(self.folder / visitor / secrets.token_urlsafe(16), client, time.monotonic(), is_coming=True)
        try:
            with explain_full_disk():
                with self._lock:
                    self._folders[kept.path] = kept
                    kept.path.mkdir(parents=True)
                yield Admission(self, kept)
            kept.began, kept.is_coming = time.monotonic(), False
        except BaseException:
            self._forget(kept)
            raise

    def add_copy(self, file: Path, visitor: str, client: str) -> Path:
        """Put a copy of one of our own files among a visitor's uploads; raises as `admit` does."""
        with self.admit(visitor, client) as admission:
            admission.grow(file.stat().st_size)
            return Path(shutil.copyfile(file, admission.folder / file.name))

    def make_place_beside(self, upload: Path, suffix: str) -> Path:
        """Return a free path for a file made from an upload: it has the same owner, and is deleted with it.

        Raises:
            UploadLimitError: The client has too much already.
            StorageError: All together have.
        """
        kept = self._folders.get(upload.parent)
        if kept is None:
            raise UploadNotFoundError
        self._count(kept)
        self._check_bytes(kept.client)
        return upload.with_name(f"{secrets.token_urlsafe(8)}{suffix}")

    def find(self, path: str, visitor: str) -> Path | None:
        """Return a file that this visitor uploaded, or one made from it.

        Args:
            path: As the upload was answered. Nothing else is ever opened: no link, no device, no one else's file.
            visitor: Who asks.
        """
        if "\0" in path or len(path) > _LONGEST_PATH or not path.startswith(f"{self.folder / visitor}{os.sep}"):
            return None
        token, _, name = path[len(str(self.folder / visitor)) + 1 :].partition(os.sep)
        if not _TOKEN.fullmatch(token) or name in {"", ".", ".."} or os.sep in name:
            return None
        found = self.folder / visitor / token / name
        try:
            is_plain = stat.S_ISREG(found.lstat().st_mode) and found.resolve(strict=True) == found
        except OSError:
            return None
        return found if is_plain else None

    def name_result(self, job_id: str) -> str:
        """Return the path under which clients get a job's video. There is no such file: the job's own is sent."""
        return str(self.folder / _RESULTS / job_id / "video.mp4")

    def find_result(self, path: str) -> str | None:
        """Return the id of the job whose video the path names; None if it names none."""
        parts = Path(path).parts
        return parts[-2] if len(parts) > 2 and path == self.name_result(parts[-2]) else None

    def sweep(self) -> None:
        """Delete what is old, and count what was made from the rest."""
        oldest = time.monotonic() - self.limits.kept_seconds
        for kept in list(self._folders.values()):
            if kept.began < oldest and not kept.is_coming:  # one that is still arriving is not used by anyone yet
                self._forget(kept)
            else:
                self._count(kept)
        with self._lock:
            for path in self.folder.iterdir():
                if not _VISITOR.fullmatch(path.name):
                    _delete(path)  # Gradio's own
                elif path not in {kept.parent for kept in self._folders}:
                    with suppress(OSError):
                        path.rmdir()

    def delete_all(self) -> None:
        """Delete all uploads: they are of no use without this server."""
        for kept in list(self._folders.values()):
            self._forget(kept)

    def grow(self, kept: _Folder, num_bytes: int) -> None:
        """Count more bytes of an upload; raises as `admit` does."""
        self.quota.add(kept.path, kept.client, num_bytes)
        self._check_bytes(kept.client)

    def _check(self, client: str) -> None:
        num_folders = sum(kept.client == client for kept in self._folders.values())
        if num_folders >= self.limits.client_folders:
            raise UploadLimitError(f"{num_folders} files are kept for you, the most for one client")
        self._check_bytes(client)

    def _check_bytes(self, client: str) -> None:
        excess = self.quota.find_excess(client)
        if excess == "client":
            limit = self.quota.client_bytes / MEGABYTE
            raise UploadLimitError(
                f"your uploads of the last hour have more than {limit:g} MB, the most for one client"
            )
        if excess == "total":
            _log.warning("uploads take %d MB, all that they may", self.quota.total_bytes // MEGABYTE)
            raise StorageError("too many uploads at the same time")

    def _count(self, kept: _Folder) -> None:
        try:
            num_bytes = sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(kept.path))
        except OSError:
            return  # deleted by hand
        self.quota.add(kept.path, kept.client, max(num_bytes - self.quota.count(kept.path), 0))

    def _forget(self, kept: _Folder) -> None:
        _delete(kept.path)
        self._folders.pop(kept.path, None)
        self.quota.release(kept.path)

    def _take_over(self) -> None:
        for path in self.folder.glob("*/*"):
            if _VISITOR.fullmatch(path.parent.name) and _TOKEN.fullmatch(path.name):
                age = max(time.time() - path.lstat().st_mtime, 0)
                self._folders[path] = _Folder(path, _UNKNOWN, time.monotonic() - age)
        self.sweep()


@dataclass(frozen=True)
class Admission:
    """A new folder that counts what goes into it."""

    uploads: Uploads
    kept: _Folder

    @property
    def folder(self) -> Path:
        """Where the files go."""
        return self.kept.path

    def grow(self, num_bytes: int) -> None:
        """Count bytes that have arrived, before they are written; raises as `Uploads.admit` does."""
        self.uploads.grow(self.kept, num_bytes)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
