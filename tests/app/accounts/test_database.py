"""Who waits for whom at the database, and what stays in its file."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from app.accounts.database import Database
from app.errors import AccountsError

_INSERT = "INSERT INTO batches VALUES ('1', NULL, 0, ?, 0, 0)"


def _write(database: Database, text: str = "") -> None:
    with database.write(is_synced=True) as connection:
        connection.execute(_INSERT, (text,))


def test_reads_wait_for_nobody_and_the_loop_only_a_moment(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    patient = threading.Thread(target=_write, args=(database,))
    patient.start()

    async def impatient() -> None:
        _write(database)

    started = time.monotonic()
    assert database.read("SELECT * FROM batches") == []
    assert database.version
    assert time.monotonic() - started < 0.2
    with pytest.raises(AccountsError, match="locked"):
        asyncio.run(impatient())
    assert time.monotonic() - started < 2
    other.execute("ROLLBACK")
    patient.join(4)
    assert len(database.read("SELECT * FROM batches")) == 1


def test_a_transaction_reads_what_it_writes_and_nobody_else_does(database: Database) -> None:
    seen: list[int] = []
    with database.write() as connection:
        connection.execute(_INSERT, ("",))
        other = threading.Thread(target=lambda: seen.append(len(database.read("SELECT * FROM batches"))))
        other.start()
        other.join(4)
        seen.append(len(database.read("SELECT * FROM batches")))
    assert seen == [0, 1]


def test_what_is_deleted_is_not_in_the_file(database: Database, tmp_path: Path) -> None:
    _write(database, "a private prompt " * 500)
    with database.write() as connection:
        connection.execute("DELETE FROM batches")
    database.close()
    assert all(b"private" not in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
