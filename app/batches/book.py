"""The book of batches: which there are, whose they are, and which jobs they have."""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Row

from app.accounts.database import Database
from app.callers import Caller
from app.errors import AccountsError, BatchNotFoundError
from app.storage import is_id

_MOST_LISTED = 100
_SWEEP_SECONDS = 24 * 3600.0
_log = logging.getLogger(__name__)
_SETTLED_SECONDS = 3600.0
"""After so long, nobody is about to take the jobs of a batch any more."""


@dataclass(frozen=True)
class Batch:
    """A batch that was accepted.

    Attributes:
        id: Cannot be guessed.
        owner: Id of the key that it was sent with; None without one.
        created_at: When it was accepted.
        job_ids: In the order of its rows.
        seconds: How long it was expected to take.
        dollars: What it was expected to cost.
    """

    id: str
    owner: str | None
    created_at: datetime
    job_ids: tuple[str, ...]
    seconds: float
    dollars: float


class BatchBook:
    """The batches of all callers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, batch: Batch) -> None:
        """Accept a batch: it exists from here on, even if the machine loses its power now."""
        with self._database.write(is_synced=True) as connection:
            connection.execute(
                "INSERT INTO batches (id, key_id, created_at, jobs, estimate_seconds, estimate_dollars) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    batch.id,
                    batch.owner,
                    batch.created_at.timestamp(),
                    json.dumps(batch.job_ids),
                    batch.seconds,
                    batch.dollars,
                ),
            )

    def knows(self, batch_id: str) -> bool:
        """Whether a batch was accepted."""
        return bool(self._database.read("SELECT 1 FROM batches WHERE id = ?", batch_id))

    def find(self, batch_id: str, caller: Caller) -> Batch:
        """Return the caller's batch.

        Raises:
            BatchNotFoundError: There is none, or it is somebody else's.
        """
        rows = self._database.read("SELECT * FROM batches WHERE id = ?", batch_id) if is_id(batch_id) else []
        if not rows or not caller.may_see(rows[0]["key_id"]):
            raise BatchNotFoundError
        return _read(rows[0])

    def list(self, caller: Caller) -> list[Batch]:
        """Return the caller's newest batches, the newest first."""
        rows = self._database.read(
            "SELECT * FROM batches WHERE ?1 IS NULL OR key_id = ?1 ORDER BY created_at DESC, id LIMIT ?2",
            caller.key_id,
            _MOST_LISTED,
        )
        return [_read(row) for row in rows]

    def forget_dead(self, has_job: Callable[[str], bool]) -> None:
        """Forget the batches none of whose jobs is known any more.

        Args:
            has_job: Says whether a job is known, whichever thread asks.
        """
        settled = time.time() - _SETTLED_SECONDS
        for row in self._database.read("SELECT id FROM batches WHERE created_at < ?", settled):
            for found in self._database.read("SELECT * FROM batches WHERE id = ?", row["id"]):
                batch = _read(found)
                if not any(map(has_job, batch.job_ids)):
                    self.forget(batch)

    async def sweep_forever(self, has_job: Callable[[str], bool]) -> None:
        """Forget dead batches at once, and then once a day."""
        while True:
            try:
                await asyncio.to_thread(self.forget_dead, has_job)
            except AccountsError as error:
                _log.error("batches could not be swept: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)

    def forget(self, batch: Batch) -> None:
        """Forget a batch all of whose jobs are forgotten."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM batches WHERE id = ?", (batch.id,))


def make_batch(owner: str | None, job_ids: Sequence[str], seconds: float, dollars: float, batch_id: str) -> Batch:
    """Return a batch that begins now."""
    return Batch(batch_id, owner, datetime.fromtimestamp(time.time(), UTC), tuple(job_ids), seconds, dollars)


def make_id() -> str:
    """Return the id of a new batch."""
    return secrets.token_urlsafe(16)


def _read(row: Row) -> Batch:
    created_at = datetime.fromtimestamp(row["created_at"], UTC)
    job_ids = tuple(json.loads(row["jobs"]))
    return Batch(row["id"], row["key_id"], created_at, job_ids, row["estimate_seconds"], row["estimate_dollars"])
