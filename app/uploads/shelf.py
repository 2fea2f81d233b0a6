"""The shelf of uploads: who sent each, what it is, and when it goes.

A file is on it as long as nobody deletes it and it was used within some hours. A job that was accepted has the file
itself, so that what happens on the shelf is nothing to it: a copy, or in a batch a link, and then the bytes count until
both are gone.
"""

import asyncio
import hashlib
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from app.accounts.database import Database
from app.accounts.limits import name_turn
from app.callers import Caller
from app.decoding import IdentifiedFile, Medium
from app.errors import AccountsError, ShelfFullError, UploadNotFoundError
from app.quota import ByteQuota
from app.storage import sync, try_link

_SWEEP_SECONDS = 60.0
_LEAST_BYTES = 65_536
"""What a file counts for at least: a disk has no room for as many small ones as fit into the bytes."""
_KINDS = frozenset(get_args(Medium))
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upload:
    """A file on the shelf.

    Attributes:
        id: Cannot be guessed.
        owner: Id of the key that it was sent with; None without one.
        kind: What it can be used as.
        num_bytes: Its size.
        seconds: How long it is heard; None for a picture.
        expires_at: When it goes unless it is used before.
    """

    id: str
    owner: str | None
    kind: Medium
    num_bytes: int
    seconds: float | None
    expires_at: datetime


class UploadShelf:
    """The uploads of all callers. For use in one event loop.

    Attributes:
        quota: Counts their bytes.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        quota: ByteQuota,
        kept_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take over what an earlier server left in the folder.

        Args:
            database: Says whose the files are.
            folder: Of the files, each under its id; created if it is missing.
            quota: Counts their bytes.
            kept_seconds: How long a file is kept after it was used.
            clock: Returns seconds since the epoch.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._database, self._folder, self.quota = database, folder, quota
        self._kept_seconds, self._clock = kept_seconds, clock
        known = {str(row["id"]): row["key_id"] for row in database.read("SELECT id, key_id FROM uploads")}
        for file in folder.iterdir():
            if file.name in known:
                owner = known[file.name]
                self._count(file, "" if owner is None else name_turn(owner), file.stat().st_size)
            elif len(file.name) == len(_make_id()):
                file.unlink()  # it was not answered any more that it is kept
        for upload_id in known.keys() - {file.name for file in folder.iterdir()}:
            self._forget(upload_id)

    async def add(self, file: Path, found: IdentifiedFile, caller: Caller) -> Upload:
        """Put a file on the shelf. The same bytes of the same key are there once.

        Args:
            file: Is moved.
            found: What it is.
            caller: Who sent it.

        Raises:
            ShelfFullError: The caller, or all together, have too many bytes here.
        """
        num_bytes, digest = await asyncio.to_thread(_measure, file)
        if (known := self._find_same(digest, caller)) is not None:
            return known
        upload = Upload(_make_id(), caller.key_id, found.medium, num_bytes, found.seconds, self._find_end())
        place = self._folder / upload.id
        self._count(place, caller.turn, num_bytes)
        try:
            self._check_room(caller)
            await asyncio.to_thread(_move, file, place)
            self._write(upload, digest)
        except BaseException:
            self.quota.release(place)
            place.unlink(missing_ok=True)
            raise
        return upload

    def find(self, upload_id: str, caller: Caller) -> Upload:
        """Return the caller's upload.

        Raises:
            UploadNotFoundError: There is none, or it is somebody else's.
        """
        rows = self._database.read("SELECT * FROM uploads WHERE id = ?", upload_id)
        if not rows or rows[0]["expires_at"] <= self._clock() or not caller.may_see(rows[0]["key_id"]):
            raise UploadNotFoundError
        if rows[0]["kind"] not in _KINDS or not (self._folder / upload_id).is_file():
            raise UploadNotFoundError
        row = rows[0]
        return Upload(row["id"], row["key_id"], row["kind"], row["num_bytes"], row["seconds"], _tell(row["expires_at"]))

    def path(self, upload: Upload) -> Path:
        """Return where the file lies."""
        return self._folder / upload.id

    async def lend(self, upload: Upload, target: Path, count: Callable[[int], None]) -> None:
        """Put the file to a place of the borrower's own, and keep it longer on the shelf.

        Args:
            upload: The file.
            target: The place.
            count: Takes how many bytes the disk has to have for it, and may refuse them; not called for a link.

        Raises:
            UploadNotFoundError: It has just gone.
        """
        source = self._folder / upload.id
        try:
            if not await asyncio.to_thread(try_link, source, target):
                count(upload.num_bytes)
                await asyncio.to_thread(shutil.copyfile, source, target)
        except FileNotFoundError:
            raise UploadNotFoundError from None
        await asyncio.to_thread(self.renew, [upload])

    def renew(self, uploads: Iterable[Upload]) -> None:
        """Keep files longer on the shelf."""
        ends_at = self._find_end().timestamp()
        with self._database.write() as connection:
            connection.executemany(
                "UPDATE uploads SET expires_at = ? WHERE id = ? AND expires_at > 0",
                [(ends_at, upload.id) for upload in uploads],
            )

    def delete(self, upload: Upload) -> None:
        """Take a file off the shelf. Its bytes count until no job has them any more."""
        with self._database.write() as connection:
            connection.execute("UPDATE uploads SET expires_at = 0 WHERE id = ?", (upload.id,))
        self._drop(upload.id)

    def sweep(self) -> None:
        """Drop what has expired; what cannot be dropped now, the next sweep tries again."""
        try:
            for row in self._database.read("SELECT id FROM uploads WHERE expires_at <= ?", self._clock()):
                self._try_drop(row["id"])
        except AccountsError as error:
            _log.error("uploads could not be swept: %s", error)

    async def sweep_forever(self) -> None:
        """Sweep once a minute."""
        while True:
            self.sweep()
            await asyncio.sleep(_SWEEP_SECONDS)

    def _find_same(self, digest: bytes, caller: Caller) -> Upload | None:
        """Return what the key has sent before. Without a key, nobody can be told from a stranger with the same file."""
        if caller.key_id is None:
            return None
        rows = self._database.read("SELECT id FROM uploads WHERE key_id = ? AND digest = ?", caller.key_id, digest)
        for row in rows:
            with suppress(UploadNotFoundError):
                upload = replace(self.find(row["id"], caller), expires_at=self._find_end())
                self.renew([upload])
                return upload
        return None

    def _write(self, upload: Upload, digest: bytes) -> None:
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO uploads (id, key_id, kind, num_bytes, seconds, digest, created_at, expires_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    upload.id,
                    upload.owner,
                    upload.kind,
                    upload.num_bytes,
                    upload.seconds,
                    digest,
                    self._clock(),
                    upload.expires_at.timestamp(),
                ),
            )

    def _try_drop(self, upload_id: str) -> None:
        try:
            self._drop(upload_id)
        except OSError as error:
            _log.error("upload %.6s could not be deleted: %s", upload_id, error.strerror)

    def _drop(self, upload_id: str) -> None:
        """Delete a file, unless a job has a link to it: what is deleted then would take as much room as before."""
        file = self._folder / upload_id
        if file.exists() and file.stat().st_nlink > 1:
            return
        file.unlink(missing_ok=True)
        self.quota.release(file)
        self._forget(upload_id)

    def _forget(self, upload_id: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    def _count(self, place: Path, turn: str, num_bytes: int) -> None:
        self.quota.add(place, turn, max(num_bytes, _LEAST_BYTES))

    def _check_room(self, caller: Caller) -> None:
        match self.quota.find_excess(caller.turn):
            case "client":
                raise ShelfFullError(self.quota.client_bytes, is_share=True)
            case "total":
                raise ShelfFullError(self.quota.total_bytes, is_share=False)

    def _find_end(self) -> datetime:
        return _tell(self._clock() + self._kept_seconds)


def _make_id() -> str:
    return secrets.token_urlsafe(16)


def _tell(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _measure(file: Path) -> tuple[int, bytes]:
    """Return how many bytes a file has, and what tells it from others."""
    with file.open("rb") as content:
        return file.stat().st_size, hashlib.file_digest(content, "sha256").digest()


def _move(file: Path, place: Path) -> None:
    file.replace(place)
    sync(place)
