"""What was answered to requests that carry an `Idempotency-Key`: sent again, they get the same answer for a day."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from app.accounts.database import Database
from app.errors import AccountsError, OtherBodyError, StillTakenError

KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Claim:
    """Whose a key is, and which.

    Attributes:
        caller: Who sent it: each has keys of their own.
        key: As it was sent, without quotes.
    """

    caller: str
    key: str


@dataclass(frozen=True)
class Answer:
    """What was answered first.

    Attributes:
        body_hash: Of the request.
        subject: Id of the job, or the batch, that it made. It is described anew: nothing that was asked for is kept
            here, where it would outlive the job.
    """

    body_hash: bytes
    subject: str

    def check(self, body_hash: bytes) -> None:
        """Check that a request is the same as the first one.

        Raises:
            OtherBodyError: It is another one.
        """
        if body_hash != self.body_hash:
            raise OtherBodyError


class AnswerBook:
    """Answers by claim. Which job a request makes is written before the job's record is, so that none is made twice."""

    def __init__(
        self, database: Database, clock: Callable[[], float], knows: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Use the table in the database.

        Args:
            database: Has table `answers`.
            clock: Returns seconds since the epoch.
            knows: Says whether a job was accepted.
        """
        self._database = database
        self._clock = clock
        self._knows = knows

    def claim(self, claim: Claim) -> Answer | None:
        """Claim a key for a request that begins, or return what was answered to the one that had it first.

        Raises:
            StillTakenError: That one has no answer yet.
        """
        now = self._clock()
        with self._database.write() as connection:
            _purge(connection, now)
            found = connection.execute(
                "SELECT body_hash, subject, status FROM answers WHERE caller = ? AND idempotency_key = ?",
                (claim.caller, claim.key),
            ).fetchone()
            if found is None:
                connection.execute(
                    "INSERT INTO answers (caller, idempotency_key, created_at) VALUES (?, ?, ?)",
                    (claim.caller, claim.key, now),
                )
                return None
            is_there = found["status"] is not None or self._is_there(connection, found["subject"])
        if not is_there:
            raise StillTakenError
        return Answer(found["body_hash"], found["subject"])

    def begin(self, claim: Claim, body_hash: bytes, subject: str) -> None:
        """Write down what a request is about to make; on disk before this returns."""
        with self._database.write(is_synced=True) as connection:
            connection.execute(
                "UPDATE answers SET body_hash = ?, subject = ? WHERE caller = ? AND idempotency_key = ?",
                (body_hash, subject, claim.caller, claim.key),
            )

    def keep(self, claim: Claim) -> None:
        """Keep that the request was answered; where that cannot be written, the job itself is known."""
        with suppress(AccountsError), self._database.write() as connection:
            connection.execute(
                "UPDATE answers SET status = 202 WHERE caller = ? AND idempotency_key = ?", (claim.caller, claim.key)
            )

    def forget(self, claim: Claim, subject: str | None) -> None:
        """Free a key: its request was refused or has failed, and may be sent again.

        Args:
            claim: The key.
            subject: What that request made or was about to make: a key that a later one has meanwhile stays.
        """
        with suppress(AccountsError), self._database.write() as connection:  # what stays is freed by the next server
            connection.execute(
                "DELETE FROM answers WHERE caller = ? AND idempotency_key = ? AND subject IS ?",
                (claim.caller, claim.key, subject),
            )

    def purge(self) -> None:
        """Delete what is older than a day."""
        with suppress(AccountsError), self._database.write() as connection:
            _purge(connection, self._clock())

    def reconcile(self, job_ids: Iterable[str]) -> None:
        """Finish what an earlier server left: what it made is answered with, and what it did not make is free.

        Args:
            job_ids: Of all jobs.
        """
        known = set(job_ids)
        with self._database.write() as connection:
            known |= {row["id"] for row in connection.execute("SELECT id FROM batches")}
            for row in connection.execute("SELECT rowid, subject FROM answers WHERE status IS NULL").fetchall():
                if row["subject"] in known:
                    connection.execute("UPDATE answers SET status = 202 WHERE rowid = ?", (row["rowid"],))
                else:
                    connection.execute("DELETE FROM answers WHERE rowid = ?", (row["rowid"],))
            _purge(connection, self._clock())

    def _is_there(self, connection: sqlite3.Connection, subject: str | None) -> bool:
        """Whether what a request was about to make was made, though nobody could keep that it was."""
        if subject is None:
            return False
        found = connection.execute("SELECT 1 FROM batches WHERE id = ?", (subject,)).fetchone()
        return found is not None or self._knows(subject)


def _purge(connection: sqlite3.Connection, now: float) -> None:
    connection.execute("DELETE FROM answers WHERE created_at <= ?", (now - KEPT_SECONDS,))
