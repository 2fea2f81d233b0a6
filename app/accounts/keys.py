"""Keys: who may use the service, and within which limits."""

import base64
import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.accounts.database import Database
from app.accounts.limits import KeyLimits
from app.settings import KEY_PREFIX

PREFIX = KEY_PREFIX
MAX_NAME_CHARACTERS = 100

_TOKEN_BYTES = 32
_WEBHOOK_BYTES = 24
_ID_CHARACTERS = 8
_LOOK_SECONDS = 0.25
_USE_SECONDS = 60.0
_BOUNDS = ("jobs_at_once", "jobs_per_hour", "dollars_per_day")
_KEPT = ("id", "name", "hash", "webhook_secret", *_BOUNDS, "created_at", "revoked_at")
_INSERT = f"INSERT INTO keys ({', '.join(_KEPT)}) VALUES ({', '.join(f':{name}' for name in _KEPT)})"  # noqa: S608 - our own names
_MERGE = f"{_INSERT} ON CONFLICT (id) DO UPDATE SET revoked_at = coalesce(revoked_at, excluded.revoked_at)"


@dataclass(frozen=True)
class Key:
    """A key, without what is secret about it. Times are seconds since 1970."""

    id: str
    name: str
    limits: KeyLimits
    created_at: float
    last_used_at: float | None = None
    revoked_at: float | None = None


@dataclass(frozen=True)
class NewKey:
    """A key at its only moment with its secrets.

    Attributes:
        key: The key.
        token: What its owner sends: `vl_...`.
        webhook_secret: What his webhooks are signed with: `whsec_...`, as Standard Webhooks writes it.
    """

    key: Key
    token: str
    webhook_secret: str


@dataclass(frozen=True)
class _Known:
    """The keys as they were last read; a request looks at these alone, so that it waits for no disk."""

    version: int
    keys: Mapping[str, Key]
    by_hash: Mapping[bytes, str]


class KeyBook:
    """All keys, in the database. Safe for threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Prepare to read the keys.

        Args:
            database: Other processes may change it meanwhile: what they change counts within a second.
            clock: Seconds since 1970.
        """
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._looked_at = float("-inf")

    @property
    def asks(self) -> bool:
        """Whether a key was ever made: the door that it closed stays closed, also when the last one is revoked.

        Raises:
            AccountsError: The keys cannot be read, or their file is gone.
        """
        return bool(self._read().keys) or find_seal(self._database.path).exists()

    def create(self, name: str, limits: KeyLimits) -> NewKey:
        """Make a key.

        Args:
            name: Whose it is, for people.
            limits: Of its jobs.

        Raises:
            AccountsError: It cannot be kept.
        """
        token = PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        webhook_secret = f"whsec_{base64.b64encode(secrets.token_bytes(_WEBHOOK_BYTES)).decode()}"
        key = Key(secrets.token_hex(_ID_CHARACTERS // 2), name, limits, self._clock())
        secret = {"hash": hash_token(token), "webhook_secret": webhook_secret}
        of_key = {"id": key.id, "name": name, "created_at": key.created_at, "revoked_at": None}
        find_seal(self._database.path).touch(mode=0o600)  # first: a key that is there must never leave the door open
        with self._database.write() as connection:
            connection.execute(_INSERT, of_key | secret | asdict(limits))
        self._forget()
        return NewKey(key, token, webhook_secret)

    def revoke(self, key_id: str) -> Key | None:
        """End a key for good, and sign out who signed in with it; None if there is no such key.

        Raises:
            AccountsError: It cannot be noted.
        """
        with self._database.write() as connection:
            connection.execute(
                "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (self._clock(), key_id)
            )
            connection.execute("DELETE FROM sessions WHERE key_id = ?", (key_id,))
        self._forget()
        return self._read().keys.get(key_id)

    def list_all(self) -> list[Key]:
        """Return all keys, the oldest first, also those that were revoked.

        Raises:
            AccountsError: The keys cannot be read.
        """
        return sorted(self._read().keys.values(), key=lambda key: (key.created_at, key.id))

    def find(self, token: str) -> Key | None:
        """Return the key whose token this is, unless it was revoked.

        Raises:
            AccountsError: The keys cannot be read.
        """
        known = self._read()
        # What is compared is a hash, which nobody can steer byte by byte: the time tells nothing of any token.
        return self._live(known, known.by_hash.get(hash_token(token)))

    def get(self, key_id: str) -> Key | None:
        """Return the key of that id, unless it was revoked.

        Raises:
            AccountsError: The keys cannot be read.
        """
        return self._live(self._read(), key_id)

    def note_use(self, key_id: str) -> None:
        """Note that the key was used, at most once a minute.

        Raises:
            AccountsError: It cannot be noted.
        """
        now, key = self._clock(), self._read().keys.get(key_id)
        if key is None or (key.last_used_at is not None and now - key.last_used_at < _USE_SECONDS):
            return
        with self._database.write() as connection:
            connection.execute("UPDATE keys SET last_used_at = ? WHERE id = ?", (now, key_id))
        self._forget()

    def dump(self) -> list[dict[str, Any]]:
        """Return all keys as rows that another process can `merge`; without their tokens, of which it has none.

        Raises:
            AccountsError: The keys cannot be read.
        """
        rows = self._database.read(f"SELECT {', '.join(_KEPT)} FROM keys ORDER BY created_at, id")  # noqa: S608
        return [dict(row) | {"hash": row["hash"].hex()} for row in rows]

    def merge(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take over keys that were made or revoked elsewhere; those that are known already stay as they are.

        Raises:
            AccountsError: They cannot be kept.
        """
        values = [{**row, "hash": bytes.fromhex(row["hash"])} for row in rows]
        if not values:
            return
        find_seal(self._database.path).touch(mode=0o600)
        with self._database.write() as connection:
            connection.executemany(_MERGE, values)
            connection.execute(
                "DELETE FROM sessions WHERE key_id IN (SELECT id FROM keys WHERE revoked_at IS NOT NULL)"
            )
        self._forget()

    @staticmethod
    def _live(known: _Known, key_id: str | None) -> Key | None:
        key = known.keys.get(key_id or "")
        return key if key is not None and key.revoked_at is None else None

    def _forget(self) -> None:
        """Have what this process itself has changed read again at once."""
        with self._lock:
            self._known = None

    def _read(self) -> _Known:
        with self._lock:
            now = time.monotonic()
            if self._known is None or now - self._looked_at >= _LOOK_SECONDS:
                version = self._database.version
                if self._known is None or self._known.version != version:
                    self._known = self._read_all(version)
                self._looked_at = now
            return self._known

    def _read_all(self, version: int) -> _Known:
        rows = self._database.read("SELECT * FROM keys")
        return _Known(version, {row["id"]: _read_key(row) for row in rows}, {row["hash"]: row["id"] for row in rows})


def find_seal(path: Path) -> Path:
    """Return the file that says, beside the database, that there are keys: without them nobody comes in.

    A database that was lost would otherwise open the door to everybody at the next start.
    """
    return path.with_suffix(".keyed")


def hash_token(token: str) -> bytes:
    """Return what is kept of a token.

    One round of SHA-256 is right for 256 random bits, which nobody can try out; a slow hash is for passwords that
    people think of, and would take time at each request.
    """
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _read_key(row: sqlite3.Row) -> Key:
    limits = KeyLimits(row["jobs_at_once"], row["jobs_per_hour"], row["dollars_per_day"])
    return Key(row["id"], row["name"], limits, row["created_at"], row["last_used_at"], row["revoked_at"])
