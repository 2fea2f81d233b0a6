"""The shelf of uploads by itself: on disks that know no links, and beside a database that cannot be used."""

import asyncio
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.accounts.database import Database
from app.accounts.limits import name_turn
from app.callers import Caller
from app.decoding import IdentifiedFile
from app.errors import ShelfFullError, UploadNotFoundError, UploadsFullError
from app.quota import ByteQuota
from app.uploads import Upload, UploadShelf

SOUND, NUM_BYTES = IdentifiedFile(medium="audio", seconds=1.0), 100_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "accounts.sqlite3")
    yield database
    database.close()


def open_shelf(database: Database, clock: list[float]) -> UploadShelf:
    quota = ByteQuota(total_bytes=10 * NUM_BYTES, client_bytes=2 * NUM_BYTES)
    return UploadShelf(database, database.path.parent / "shelf", quota, 60, lambda: clock[0])


def add(shelf: UploadShelf, caller: Caller, content: bytes = b"") -> Upload:
    file = Path(shelf._folder.parent / "sent")
    file.write_bytes(content.ljust(NUM_BYTES, b"."))
    return asyncio.run(shelf.add(file, SOUND, caller))


def test_a_key_has_no_more_room_after_a_restart(database: Database) -> None:
    key = Caller("10.0.0.1", "a")
    kept = add(open_shelf(database, [0.0]), key)
    shelf = open_shelf(database, [1.0])
    assert shelf.quota._clients == {name_turn("a"): NUM_BYTES}
    add(shelf, key, b"another")
    with pytest.raises(ShelfFullError, match="are kept for you may have") as full:
        add(shelf, Caller("10.0.0.2", "a"), b"a third")
    assert full.value.retry_after_seconds == 600
    add(shelf, Caller("10.0.0.1", "b"), b"of somebody else at this address")
    shelf.delete(kept)
    add(shelf, key, b"a third")


def test_a_sweep_outlives_an_unusable_database(database: Database) -> None:
    clock = [0.0]
    shelf = open_shelf(database, clock)
    place = shelf.path(add(shelf, Caller("me")))
    clock[0] = 61.0
    with sqlite3.connect(database.path) as other:
        other.execute("ALTER TABLE uploads RENAME TO lost")
    shelf.sweep()
    assert place.exists()
    with sqlite3.connect(database.path) as other:
        other.execute("ALTER TABLE lost RENAME TO uploads")
    shelf.sweep()
    assert not place.exists()
    assert not shelf.quota._clients


def test_what_cannot_be_linked_is_counted_and_copied_beside_the_event_loop(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    copy = shutil.copyfile

    def refuse(*_: object) -> None:
        threads.append(threading.current_thread())
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    def copy_noting(source: Path, target: Path) -> None:
        threads.append(threading.current_thread())
        copy(source, target)

    def be_full(num_bytes: int) -> None:
        raise UploadsFullError(num_bytes, is_share=True)

    shelf = open_shelf(database, [0.0])
    upload, counted = add(shelf, Caller("me")), []
    asyncio.run(shelf.lend(upload, tmp_path / "link", counted.append))
    assert (counted, (tmp_path / "link").stat().st_nlink) == ([], 2)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfile", copy_noting)
    asyncio.run(shelf.lend(upload, tmp_path / "copy", counted.append))
    assert (counted, (tmp_path / "copy").stat().st_size) == ([NUM_BYTES], NUM_BYTES)
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    with pytest.raises(UploadsFullError):
        asyncio.run(shelf.lend(upload, tmp_path / "more", be_full))
    assert not (tmp_path / "more").exists()


def test_what_is_used_stays_and_what_was_deleted_does_not_come_back(database: Database, tmp_path: Path) -> None:
    clock, me = [0.0], Caller("me")
    shelf = open_shelf(database, clock)
    used, gone = add(shelf, me), add(shelf, me, b"another")
    (tmp_path / "link").hardlink_to(shelf.path(gone))  # as a job's
    shelf.delete(gone)
    clock[0] = 50.0
    shelf.renew([used, gone])
    clock[0] = 100.0
    shelf.sweep()
    assert shelf.find(used.id, me).expires_at.timestamp() == 110.0
    with pytest.raises(UploadNotFoundError):
        shelf.find(gone.id, me)
