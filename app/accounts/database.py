"""The database beside the jobs: keys, sums, uploads, batches and deliveries."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import AccountsError, AccountsFullError, DataFolderError

FILE_NAME = "accounts.sqlite3"

_BUSY_SECONDS = 5.0
_LOOP_BUSY_SECONDS = 0.25
"""How long another process that writes is waited for; in the event loop, all requests wait meanwhile."""
_TURN_SECONDS = 0.1
"""After which other threads have their turn."""
_NO_ROOM = ("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR_WRITE")

_MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash BLOB NOT NULL UNIQUE,
        webhook_secret TEXT NOT NULL,
        jobs_at_once INTEGER,
        jobs_per_hour INTEGER,
        dollars_per_day REAL,
        created_at REAL NOT NULL,
        last_used_at REAL,
        revoked_at REAL
    ) STRICT;
    CREATE TABLE sessions (
        hash BLOB PRIMARY KEY,
        key_id TEXT REFERENCES keys (id),
        device TEXT NOT NULL,
        created_at REAL NOT NULL,
        last_used_at REAL NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        job_id TEXT PRIMARY KEY,
        key_id TEXT,
        reference TEXT,
        profile TEXT NOT NULL,
        created_at REAL NOT NULL,
        ended_at REAL,
        status TEXT NOT NULL,
        video_seconds REAL NOT NULL DEFAULT 0,
        gpu_seconds REAL NOT NULL DEFAULT 0,
        dollars REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX runs_of_key ON runs (key_id, created_at);
    CREATE INDEX runs_by_age ON runs (created_at);
    CREATE INDEX runs_open ON runs (key_id) WHERE ended_at IS NULL;
    CREATE TABLE answers (
        caller TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        created_at REAL NOT NULL,
        body_hash BLOB,
        subject TEXT,
        status INTEGER,
        PRIMARY KEY (caller, idempotency_key)
    ) STRICT;
    CREATE INDEX answers_by_age ON answers (created_at);
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        key_id TEXT,
        kind TEXT NOT NULL,
        num_bytes INTEGER NOT NULL,
        seconds REAL,
        digest BLOB NOT NULL,
        created_at REAL NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT;
    CREATE INDEX uploads_same ON uploads (key_id, digest);
    CREATE TABLE batches (
        id TEXT PRIMARY KEY,
        key_id TEXT,
        created_at REAL NOT NULL,
        jobs TEXT NOT NULL,
        estimate_seconds REAL NOT NULL,
        estimate_dollars REAL NOT NULL
    ) STRICT;
    CREATE INDEX batches_of_key ON batches (key_id, created_at);
    CREATE TABLE deliveries (
        id TEXT PRIMARY KEY,
        job_id TEXT NOT NULL,
        key_id TEXT,
        host TEXT NOT NULL,
        type TEXT NOT NULL,
        created_at REAL NOT NULL,
        next_at REAL,
        num_failures INTEGER NOT NULL,
        status TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
    CREATE INDEX deliveries_of_job ON deliveries (job_id);
    CREATE TABLE delivery_attempts (
        delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
        at REAL NOT NULL,
        seconds REAL NOT NULL,
        status INTEGER,
        error TEXT
    ) STRICT;
    CREATE INDEX attempts_of_delivery ON delivery_attempts (delivery_id, at);
    """,
)
"""Each takes the database from the version before to its own; a row that was released is never changed."""

VERSION = len(_MIGRATIONS)
"""Of a database that this app has opened."""
_log = logging.getLogger(__name__)


class Database:
    """One SQLite file, which other processes may read and write too. Safe for threads; each statement is short.

    What is read has a connection of its own, so that it waits for nobody who writes.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, and bring it to this version.

        Args:
            path: Of the file; nobody but the user may read it.

        Raises:
            UnusableDatabaseError: It cannot be used, or a newer version of the app has written it.
        """
        self.path = path
        self._lock, self._read_lock = threading.RLock(), threading.Lock()
        self._writer: int | None = None
        try:
            path.touch(mode=0o600, exist_ok=True)
            self._inode = path.stat().st_ino
            self._connection = _connect(path)
            self._migrate()
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only = ON")
        except (OSError, sqlite3.Error, AccountsError) as error:
            raise UnusableDatabaseError(path, error) from None

    @contextmanager
    def write(self, *, is_synced: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction, which is undone if anything is raised.

        Args:
            is_synced: Whether it is on disk before this returns; otherwise a power cut may undo the last ones.

        Raises:
            AccountsError: The file cannot be written, or somebody else writes it for too long.
            AccountsFullError: The disk is full, or has become read-only.
        """
        with _explain():
            self._begin(is_synced=is_synced)
            try:
                self._writer = threading.get_ident()
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself undoes what does not fit on the disk
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._writer = None
                self._lock.release()

    def read(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows that a statement selects; those of a transaction include what it has written.

        Raises:
            AccountsError: The file cannot be read.
        """
        if self._writer == threading.get_ident():
            return self._connection.execute(statement, values).fetchall()
        with self._read_lock, _explain():
            return self._reader.execute(statement, values).fetchall()

    @property
    def version(self) -> int:
        """Changes whenever the file has changed; cheap enough to ask at each request.

        Raises:
            AccountsError: The file cannot be read, or it is no longer the one that was opened.
        """
        with self._read_lock, _explain():
            if self.path.stat().st_ino != self._inode:
                raise AccountsError("another file is in its place")
            return int(self._reader.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock, self._read_lock:
            self._reader.close()
            self._connection.close()

    def _begin(self, *, is_synced: bool) -> None:
        """Begin to write, with the lock taken; while another process writes, other threads have their turns."""
        ends_at = time.monotonic() + (_LOOP_BUSY_SECONDS if _is_in_loop() else _BUSY_SECONDS)
        while True:
            self._lock.acquire()
            try:
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                self._lock.release()
                if not _name(error).startswith("SQLITE_BUSY") or time.monotonic() >= ends_at:
                    raise
                time.sleep(_TURN_SECONDS / 10)
            except BaseException:
                self._lock.release()
                raise
            else:
                return

    def _migrate(self) -> None:
        if int(self._connection.execute("PRAGMA user_version").fetchone()[0]) == len(_MIGRATIONS):
            return  # and nothing is written: the disk may be full
        with self.write() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > len(_MIGRATIONS):
                raise NewerDatabaseError(version, len(_MIGRATIONS))
            for script in _MIGRATIONS[version:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


class UnusableDatabaseError(DataFolderError):
    """The database cannot be opened, so nobody can be let in by it."""

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(
            f"{path} cannot be used: {error} Put back the copy that was made last, or move the file away to begin "
            "without keys."
        )


class NewerDatabaseError(AccountsError):
    """A newer version of the app has written the database."""

    def __init__(self, found: int, known: int) -> None:
        super(AccountsError, self).__init__(
            f"it has version {found}, and this app knows those up to {known}. Start the app that wrote it."
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA busy_timeout = {round(_TURN_SECONDS * 1000)}")
    return connection


def _name(error: sqlite3.Error) -> str:
    """Return SQLite's own name of what is wrong; "" where the module itself raises."""
    return getattr(error, "sqlite_errorname", None) or ""


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@contextmanager
def _explain() -> Iterator[None]:
    """Say in words what keeps the file from being used; what a statement itself is wrong about is raised as it is."""
    try:
        yield
    except OSError as error:
        raise AccountsError(str(error.strerror)) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        if _name(error).startswith(_NO_ROOM):
            _log.error("Nothing more can be stored in the database: %s", error)
            raise AccountsFullError(str(error)) from error
        raise AccountsError(str(error)) from error
