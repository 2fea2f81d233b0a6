"""The database of accounts where the disk is the cloud's: one container writes, others read copies and leave changes.

A database on a volume that several machines mount would break: SQLite's log is shared through memory, and its locks
through the kernel. So it is on the web container's own disk, and the volume has copies of it, each whole.
"""

import asyncio
import json
import logging
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.accounts.command import carry_out, parse
from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import KeyBook, find_seal
from app.remote.store import KEY_CHANGES

_LOOK_SECONDS = 1.0
_SAVE_SECONDS = 10.0
_MOST_CHANGES = 50
"""In the store; an older one is on the volume."""

_log = logging.getLogger(__name__)


class AccountsCopy:
    """The database on this container's disk, and its copy on the volume."""

    def __init__(
        self,
        volume: Path,
        folder: Path,
        *,
        commit: Callable[[], object] = lambda: None,
        is_ours: Callable[[], bool] = lambda: True,
    ) -> None:
        """Bring the copy here, and what commands have changed since.

        Args:
            volume: Where the volume is mounted that has the copy.
            folder: The data folder, on this container's disk.
            commit: Saves what was written to the volume.
            is_ours: Says whether the copy is this container's to replace (`app.remote.store.claim`).

        Raises:
            UnusableDatabaseError: The copy cannot be used; then nobody must come in.
        """
        self._volume = volume / "accounts"
        self._commit = commit
        self.is_ours = is_ours
        self._path = folder / FILE_NAME
        self._lock = threading.Lock()
        (self._volume / "changes").mkdir(parents=True, exist_ok=True)
        for path in (self._path, find_seal(self._path)):
            with suppress(FileNotFoundError):
                shutil.copyfile(self._volume / path.name, path)
        pending = sorted((self._volume / "changes").glob("*.json"))
        with closing(Database(self._path)) as database:
            KeyBook(database).merge(row for path in pending for row in json.loads(path.read_text()))
        self._connection = sqlite3.connect(self._path, check_same_thread=False)
        self._saved: int | None = None
        if pending and self.save():
            for path in pending:
                path.unlink()

    def save(self) -> bool:
        """Copy the database to the volume if it has changed; return whether it had.

        The copy of a container that was started later is left alone. A reader sees this copy or the one before, never a
        part: it is written beside, and then renamed.
        """
        with self._lock:
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
            if version == self._saved or not self.is_ours():
                return False
            with tempfile.TemporaryDirectory() as folder:
                whole = Path(folder) / FILE_NAME
                with closing(sqlite3.connect(whole)) as target:
                    self._connection.backup(target)
                _replace(whole, self._volume / FILE_NAME)
            if (seal := find_seal(self._path)).exists():
                (self._volume / seal.name).touch()
            self._commit()
            self._saved = version
            return True


def keep_accounts(
    app: FastAPI,
    copy: AccountsCopy,
    read_notes: Callable[[float], Awaitable[Mapping[str, str]]],
    seconds: float = _SAVE_SECONDS,
) -> None:
    """Have the app take changes of keys within a second or two, and its database copied, for as long as it runs.

    Once another container was started in its place, it begins no jobs and sends no webhooks any more.

    Args:
        app: The app.
        copy: Of its database.
        read_notes: Returns the live notes, at most that many seconds old.
        seconds: Between two copies.
    """
    inner = app.router.lifespan_context
    keys: KeyBook = app.state.door.keys

    async def keep_forever() -> None:
        taken, saved_at = "", time.monotonic()
        while True:
            try:
                taken = await take_changes(keys, await read_notes(_LOOK_SECONDS), taken)
                if time.monotonic() - saved_at >= seconds:
                    saved_at = time.monotonic()
                    if await asyncio.to_thread(copy.is_ours):
                        await asyncio.to_thread(copy.save)
                    else:
                        await _retire(app)
            except Exception as error:  # noqa: BLE001 - clouds fail in ways of their own; it is tried again
                _log.warning("The keys could not be kept up to date: %s", type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            keeper = asyncio.create_task(keep_forever())
            yield state
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
        await asyncio.to_thread(copy.save)

    app.router.lifespan_context = lifespan


async def _retire(app: FastAPI) -> None:
    """Leave what is to come to the container that was started later; what is followed here is seen to its end."""
    app.state.jobs.drain()
    await app.state.sender.close()


async def take_changes(keys: KeyBook, notes: Mapping[str, str], taken: str) -> str:
    """Take over what commands have changed of the keys; return what was read, for the next time.

    Args:
        keys: All keys.
        notes: All live notes.
        taken: What was read the last time.
    """
    found = notes.get(KEY_CHANGES, "")
    if found and found != taken:
        await asyncio.to_thread(keys.merge, json.loads(found))
    return found


def command_keys(
    arguments: Sequence[str],
    volume: Path,
    read_value: Callable[[str], str | None],
    write_value: Callable[[str, str], None],
) -> Iterator[str]:
    """Yield what a command about keys says; leave what it changes on the volume, and in the store for a running app.

    Args:
        arguments: The command.
        volume: Where the volume is mounted that has the copy; commit it afterwards.
        read_value: Of the store.
        write_value: Of the store.

    Raises:
        KeyCommandError: It cannot be carried out.
        AccountsError: The copy on the volume cannot be used.
    """
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as name, closing(_open_copy(volume / "accounts", Path(name))) as database:
        keys = KeyBook(database)
        known = json.loads(read_value(KEY_CHANGES) or "[]")
        keys.merge(known)
        before = keys.dump()
        yield from carry_out(options, keys)
        if changed := [row for row in keys.dump() if row not in before]:
            _leave(volume / "accounts" / "changes", changed)
            write_value(KEY_CHANGES, json.dumps([*known, *changed][-_MOST_CHANGES:]))


def _open_copy(volume: Path, folder: Path) -> Database:
    """Open a copy of the copy, with the changes that it does not have yet."""
    with suppress(FileNotFoundError):
        shutil.copyfile(volume / FILE_NAME, folder / FILE_NAME)
    database = Database(folder / FILE_NAME)
    KeyBook(database).merge(row for path in volume.glob("changes/*.json") for row in json.loads(path.read_text()))
    return database


def _leave(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(rows, file)
        file.flush()
        _replace(Path(file.name), folder / f"{time.time_ns()}.json")


def _replace(source: Path, target: Path) -> None:
    partial = target.with_suffix(".part")
    shutil.copyfile(source, partial)
    partial.replace(target)
