"""Browsers that are signed in: each has a random token in a cookie, and can be signed out by itself."""

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.accounts.database import Database

KEPT_SECONDS = 30 * 24 * 3600.0

_USE_SECONDS = 60.0
_MOST_OF_ONE = 100
"""Of a key, and of those who know the password; then who was away longest is signed out."""


@dataclass(frozen=True)
class Session:
    """A browser that is signed in. Times are seconds since 1970.

    Attributes:
        hash: Of its token.
        key_id: The key that it signed in with; None for the password.
        device: What it says that it is.
    """

    hash: bytes
    key_id: str | None
    device: str
    created_at: float
    last_used_at: float
    expires_at: float

    @property
    def id(self) -> str:
        """What it is called on the page, where its cookie must not stand."""
        return self.hash.hex()[:16]


class SessionBook:
    """All browsers that are signed in, in the database. Safe for threads; all that it does raises `AccountsError`."""

    def __init__(self, database: Database, password: str | None, clock: Callable[[], float] = time.time) -> None:
        """Prepare to read them.

        Args:
            database: They end with its keys.
            password: What is signed in with it ends when it changes.
            clock: Seconds since 1970.
        """
        self._database = database
        self._password = password
        self._clock = clock

    def begin(self, key_id: str | None, device: str, before: Session | None = None) -> str:
        """Sign a browser in; return its token, which is new whatever token the browser had.

        Args:
            key_id: The key that it has; None for the password.
            device: What it says that it is.
            before: As what it was signed in until now.
        """
        token, now = secrets.token_urlsafe(32), self._clock()
        row = self._hash(token, key_id), key_id, device, now, now, now + KEPT_SECONDS
        with self._database.write() as connection:
            known = None if before is None else before.hash
            connection.execute("DELETE FROM sessions WHERE expires_at <= ? OR hash = ?", (now, known))
            connection.execute(
                "DELETE FROM sessions WHERE key_id IS ? AND hash NOT IN (SELECT hash FROM sessions WHERE key_id IS ? "
                "ORDER BY last_used_at DESC LIMIT ?)",
                (key_id, key_id, _MOST_OF_ONE - 1),
            )
            connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
        return token

    def find(self, token: str) -> Session | None:
        """Return the browser that has this token, if it is signed in."""
        hashes = [_hash(token), *([_hash(token, self._password)] if self._password else [])]
        return next((session for session in map(self.get, hashes) if session is not None), None)

    def get(self, hash_: bytes) -> Session | None:
        """Return the browser whose token has this hash, if it is signed in."""
        rows = self._database.read(
            "SELECT * FROM sessions WHERE hash = ? AND expires_at > ? AND (CASE WHEN key_id IS NULL THEN ? ELSE key_id "
            "IN (SELECT id FROM keys WHERE revoked_at IS NULL) END)",
            hash_,
            self._clock(),
            self._password is not None,
        )
        return _read_session(rows[0]) if rows else None

    def list_beside(self, session: Session) -> list[Session]:
        """Return all browsers that signed in with the same, the one used last first."""
        rows = self._database.read(
            "SELECT * FROM sessions WHERE key_id IS ? AND expires_at > ? ORDER BY last_used_at DESC",
            session.key_id,
            self._clock(),
        )
        return [_read_session(row) for row in rows]

    def end(self, *sessions: Session) -> None:
        """Sign browsers out."""
        with self._database.write() as connection:
            connection.executemany("DELETE FROM sessions WHERE hash = ?", [(session.hash,) for session in sessions])

    def note_use(self, session: Session) -> None:
        """Note that a browser is used, at most once a minute."""
        now = self._clock()
        if now - session.last_used_at >= _USE_SECONDS:
            with self._database.write() as connection:
                connection.execute("UPDATE sessions SET last_used_at = ? WHERE hash = ?", (now, session.hash))

    def _hash(self, token: str, key_id: str | None) -> bytes:
        return _hash(token, self._password if key_id is None else None)


def _hash(token: str, password: str | None = None) -> bytes:
    """Return what is kept of a token; with another password it is not found again."""
    return hashlib.sha256(token.encode() if password is None else f"{token} {password}".encode()).digest()


def _read_session(row: sqlite3.Row) -> Session:
    return Session(**dict(row))
