"""The deliveries that are owed, and what became of them: two tables of the database."""

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Literal
from urllib.parse import urlsplit

from app.accounts.database import Database
from app.jobs import Job
from app.records import Status

DeliveryType = Literal["job.done", "job.failed", "job.cancelled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
DeliveryOutcome = Literal["delivered", "retried", "failed"]
"""What comes of an attempt: nothing more is sent after the last."""

_TYPES: dict[Status, DeliveryType] = {"done": "job.done", "failed": "job.failed", "cancelled": "job.cancelled"}
_ATTEMPTS_KEPT = 20


@dataclass(frozen=True)
class Delivery:
    """Word that is owed to a client. What it says, and where it goes, is read from the job at each attempt.

    Attributes:
        id: Sent as `webhook-id`: the same for each attempt, so that a receiver can tell what it has seen.
        job_id: The job that has ended.
        key_id: Of the key that the job belongs to; None without one.
        host: That it goes to.
        type: What has happened.
        created_at: When the job ended; times are seconds since the epoch.
        next_at: When the next attempt is due; None if there is none.
        num_failures: How many attempts have failed since it was last asked for.
        status: How it stands.
    """

    id: str
    job_id: str
    key_id: str | None
    host: str
    type: DeliveryType
    created_at: float
    next_at: float | None
    num_failures: int
    status: DeliveryStatus


@dataclass(frozen=True)
class Attempt:
    """One time that a delivery was sent.

    Attributes:
        delivery_id: The delivery's.
        at: When, in seconds since the epoch.
        seconds: How long it took.
        status: HTTP status of the answer; None if there was none.
        error: Why it failed; None if it did not.
    """

    delivery_id: str
    at: float
    seconds: float
    status: int | None
    error: str | None


@dataclass(frozen=True)
class Entry:
    """A delivery and its attempts, the latest last."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]


_COLUMNS = ", ".join(field.name for field in fields(Delivery))
_MARKS = ", ".join("?" for _ in fields(Delivery))


def describe_end(job: Job, now: float) -> Delivery:
    """Return what is owed of a job that has ended, due now."""
    assert job.filing.callback_url is not None
    assert job.finished_at is not None
    kind = _TYPES[job.status]
    # From the job alone: whoever writes it down again, after a crash, writes down the same.
    name = hashlib.sha256(f"{job.id} {kind}".encode()).hexdigest()[:32]
    host = urlsplit(job.filing.callback_url).hostname or ""
    return Delivery(f"msg_{name}", job.id, job.filing.owner, host, kind, job.finished_at.timestamp(), now, 0, "pending")


class DeliveryBook:
    """Keeps deliveries."""

    def __init__(self, database: Database) -> None:
        """Keep them in the database."""
        self._database = database

    def add(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Write down what is owed, and return what was not yet."""
        statement = f"INSERT OR IGNORE INTO deliveries ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - names of fields
        with self._database.write() as connection:
            return [one for one in deliveries if connection.execute(statement, astuple(one)).rowcount]

    def change(self, delivery: Delivery, attempt: Attempt | None = None) -> None:
        """Write down how a delivery stands, and its latest attempt; of very many, the first are forgotten."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE deliveries SET next_at = ?, num_failures = ?, status = ? WHERE id = ?",
                (delivery.next_at, delivery.num_failures, delivery.status, delivery.id),
            )
            if attempt is not None and changed.rowcount:  # or else its job was forgotten meanwhile
                _add_attempt(connection, attempt)

    def list_pending(self) -> list[Delivery]:
        """Return all that are to be sent, those first that are due first."""
        return self._select("WHERE next_at IS NOT NULL ORDER BY next_at")

    def list_of(self, job_id: str) -> list[Entry]:
        """Return the deliveries of a job."""
        rows = self._database.read(
            "SELECT delivery_id, at, seconds, attempts.status, error FROM delivery_attempts AS attempts "
            "JOIN deliveries ON id = delivery_id WHERE job_id = ? ORDER BY at",
            job_id,
        )
        attempts = defaultdict(list)
        for row in rows:
            attempts[row["delivery_id"]].append(Attempt(*row))
        found = self._select("WHERE job_id = ? ORDER BY created_at", job_id)
        return [Entry(delivery, tuple(attempts[delivery.id])) for delivery in found]

    def find_secret(self, key_id: str) -> str | None:
        """Return what a key's webhooks are signed with; None if it was revoked."""
        rows = self._database.read("SELECT webhook_secret FROM keys WHERE id = ? AND revoked_at IS NULL", key_id)
        return rows[0]["webhook_secret"] if rows else None

    def list_jobs(self) -> list[str]:
        """Return the ids of the jobs that have deliveries."""
        return [row["job_id"] for row in self._database.read("SELECT DISTINCT job_id FROM deliveries")]

    def forget(self, job_ids: Iterable[str]) -> None:
        """Delete the deliveries of jobs."""
        with self._database.write() as connection:
            connection.executemany("DELETE FROM deliveries WHERE job_id = ?", [(job_id,) for job_id in job_ids])

    def _select(self, which: str, *values: object) -> list[Delivery]:
        rows = self._database.read(f"SELECT {_COLUMNS} FROM deliveries {which}", *values)  # noqa: S608 - our own text
        return [Delivery(*row) for row in rows]


def _add_attempt(connection: sqlite3.Connection, attempt: Attempt) -> None:
    connection.execute("INSERT INTO delivery_attempts VALUES (?, ?, ?, ?, ?)", astuple(attempt))
    connection.execute(
        "DELETE FROM delivery_attempts WHERE rowid IN "
        "(SELECT rowid FROM delivery_attempts WHERE delivery_id = ? ORDER BY at DESC LIMIT -1 OFFSET ?)",
        (attempt.delivery_id, _ATTEMPTS_KEPT),
    )
