"""The database beside the jobs: keys, sums, uploads, batches and deliveries."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "accounts.sqlite3"

_BUSY_SECONDS = 5.0

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
        profile TEXT NOT NULL,
        created_at REAL NOT NULL,
        ended_at REAL,
        status TEXT NOT NULL,
        video_seconds REAL NOT NULL DEFAULT 0,
        gpu_seconds REAL NOT NULL DEFAULT 0,
        dollars REAL NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX runs_of_key ON runs (key_id, created_at);
    CREATE TABLE answers (
        caller TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        body_hash BLOB NOT NULL,
        created_at REAL NOT NULL,
        status INTEGER,
        headers TEXT,
        body BLOB,
        PRIMARY KEY (caller, idempotency_key)
    ) STRICT;
    CREATE INDEX answers_by_age ON answers (created_at);
    CREATE TABLE uploads (
        id TEXT PRIMARY KEY,
        key_id TEXT,
        kind TEXT NOT NULL,
        num_bytes INTEGER NOT NULL,
        created_at REAL NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE batches (
        id TEXT PRIMARY KEY,
        key_id TEXT,
        created_at REAL NOT NULL,
        num_jobs INTEGER NOT NULL,
        estimate_seconds REAL NOT NULL,
        estimate_dollars REAL
    ) STRICT;
    CREATE TABLE deliveries (
        id TEXT PRIMARY KEY,
        job_id TEXT NOT NULL,
        key_id TEXT,
        url TEXT NOT NULL,
        type TEXT NOT NULL,
        body BLOB NOT NULL,
        created_at REAL NOT NULL,
        next_at REAL,
        attempts INTEGER NOT NULL DEFAULT 0,
        status TEXT NOT NULL,
        last_status INTEGER,
        last_error TEXT
    ) STRICT;
    CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
    CREATE INDEX deliveries_of_job ON deliveries (job_id);
    """,
)
"""Each takes the database from the version before to its own; a row that was released is never changed."""


class Database:
    """One SQLite file, which other processes may read and write too. Safe for threads; each statement is short."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, and bring it to this version.

        Args:
            path: Of the file; nobody but the user may read it.

        Raises:
            NewerDatabaseError: A newer version of the app has written it.
        """
        path.touch(mode=0o600, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._migrate()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction, which is undone if anything is raised."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def read(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Return the rows that a statement selects."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    @property
    def version(self) -> int:
        """Changes whenever another process has changed the file; cheap enough to ask at each request."""
        with self._lock:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _migrate(self) -> None:
        with self.write() as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > len(_MIGRATIONS):
                raise NewerDatabaseError(self.path.name, version, len(_MIGRATIONS))
            for script in _MIGRATIONS[version:]:
                for statement in script.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")


class NewerDatabaseError(Exception):
    """A newer version of the app has written the database."""

    def __init__(self, name: str, found: int, known: int) -> None:
        super().__init__(
            f"{name} has version {found}, and this app knows those up to {known}. Start the app that wrote it, or put "
            "back the copy that was made before the upgrade."
        )
