"""The book of all jobs: what each key may still have, and what each job has taken. It outlives the jobs."""

import logging
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.accounts.database import Database
from app.accounts.limits import DAY_SECONDS, HOUR_SECONDS, NO_LIMITS, NOTHING, Entry, KeyLimits, Use
from app.errors import (
    AccountsError,
    AccountsFullError,
    ConcurrencyLimitError,
    KeyBudgetError,
    LimitError,
    RateLimitError,
)
from app.records import ENDED, GpuCost, JobRecord

_PAGE = 1_000
_OPEN = "open"
"""Instead of the status of a job that has not ended: that changes too often to be written down."""
_HELD = "held"
"""Of a job that waits in its batch: it counts among the hour's, and among the day's dollars, but not at once."""
_SUMS = """
    SELECT COUNT(*), COALESCE(SUM(video_seconds), 0), COALESCE(SUM(gpu_seconds), 0),
        COALESCE(SUM(dollars) FILTER (WHERE ended_at IS NOT NULL), 0)
    FROM runs WHERE created_at >= ? AND created_at < ?
"""
_SET_STATUS = "UPDATE runs SET status = ? WHERE job_id = ? AND ended_at IS NULL"
_SUMS_OF_KEY = f"{_SUMS} AND key_id = ?"
_RUNS = """
    SELECT job_id, key_id, reference, profile, status, created_at, ended_at, video_seconds, gpu_seconds, dollars
    FROM runs WHERE (created_at, job_id) > (?, ?) AND created_at < ? AND key_id IS COALESCE(?, key_id)
    ORDER BY created_at, job_id LIMIT ?
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sums:
    """What jobs have taken together.

    Attributes:
        jobs: How many were accepted.
        video_seconds: Length of the videos that were made.
        gpu_seconds: Of GPUs that are paid for, all of a team counted.
        dollars: What these cost.
    """

    jobs: int
    video_seconds: float
    gpu_seconds: float
    dollars: float


@dataclass(frozen=True)
class Run:
    """A line of the book; times are seconds since the epoch."""

    job_id: str
    key_id: str | None
    reference: str | None
    profile: str
    status: str
    created_at: float
    ended_at: float | None
    video_seconds: float
    gpu_seconds: float
    dollars: float


class Ledger:
    """Reserves what a job is likely to take when it is accepted, and settles it once, when it has ended.

    A row is written before the job's own record is: after a crash between the two it stands for no job, and is taken
    out at the next start.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        """Use the book in the database.

        Args:
            database: Has tables `keys` and `runs`.
            clock: Returns seconds since the epoch.
        """
        self._database = database
        self._clock = clock
        self._unsettled: dict[str, JobRecord] = {}

    def find_limits(self, key_id: str | None) -> KeyLimits:
        """Return the limits of a key; none for the password, and where no key is asked for.

        A key that is unknown, or was revoked while its request was on the way, may have nothing.
        """
        if key_id is None:
            return NO_LIMITS
        found = self._database.read(
            "SELECT jobs_at_once, jobs_per_hour, dollars_per_day FROM keys WHERE id = ? AND revoked_at IS NULL", key_id
        )
        return KeyLimits(*found[0]) if found else NOTHING

    def list_revoked(self) -> list[str]:
        """Return the ids of the keys that are revoked."""
        return [row["id"] for row in self._database.read("SELECT id FROM keys WHERE revoked_at IS NOT NULL")]

    def find_use(self, key_id: str | None) -> Use:
        """Return what the key uses of its limits."""
        limits = self.find_limits(key_id)
        if key_id is None or limits == NO_LIMITS:
            return Use()
        now = self._clock()
        hour = self._list_times(key_id, now - HOUR_SECONDS)
        moves_in = math.ceil(hour[0] + HOUR_SECONDS - now) if hour else HOUR_SECONDS
        return Use(limits, self._count_open(key_id), len(hour), self._sum_dollars(key_id, now), max(1, moves_in))

    def check(self, key_id: str | None, number: int = 1, wait_seconds: int = 1) -> None:
        """Check whether the key may have more jobs at the moment, whatever they cost.

        Args:
            key_id: Of the key; None has no limits.
            number: How many jobs.
            wait_seconds: When one of the key's jobs is likely to have ended.

        Raises:
            RateLimitError: Not so many in an hour.
            ConcurrencyLimitError: Not so many at once.
        """
        self._check(key_id, number, wait_seconds)

    def _check(self, key_id: str | None, number: int, wait_seconds: int | None) -> None:
        """Check as `check` does; without a wait, however many there are at once."""
        use = self.find_use(key_id)
        if key_id is None or use.limits == NO_LIMITS:
            return
        try:
            self._check_rate(key_id, use, number)
            if wait_seconds is not None:
                self._check_open(use, number, wait_seconds)
        except LimitError as error:
            error.headers = use.headers
            raise

    def reserve(
        self, key_id: str | None, entries: Sequence[Entry], wait_seconds: int = 1, *, are_held: bool = False
    ) -> None:
        """Reserve jobs, all or none of them; those that the book has already are not counted again.

        Args:
            key_id: Of the key that they belong to.
            entries: The jobs.
            wait_seconds: When one of the key's jobs is likely to have ended.
            are_held: They wait in a batch, where as many may as are accepted; `begin` counts them among those at once.

        Raises:
            RateLimitError: The key may not have so many in an hour.
            ConcurrencyLimitError: Not so many at once.
            KeyBudgetError: They would cost more than it may spend.
        """
        with self._database.write() as connection:
            fresh = [entry for entry in entries if not self._has(entry.job_id)]
            if fresh:
                self._check(key_id, len(fresh), None if are_held else wait_seconds)
                self._check_dollars(key_id, sum(entry.dollars for entry in fresh), len(fresh))
            status = _HELD if are_held else _OPEN
            connection.executemany(
                "INSERT INTO runs (job_id, key_id, reference, profile, created_at, status, dollars)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (one.job_id, key_id, one.reference, one.profile, one.created_at, status, one.dollars)
                    for one in fresh
                ],
            )

    def begin(self, key_id: str | None, job_id: str) -> bool:
        """Count a job that was held among those at once, and return True, if the key may have one more of them."""
        if not self._may_begin(key_id):  # asked often, and most of the time in vain
            return False
        with self._database.write() as connection:
            if may_begin := self._may_begin(key_id):
                connection.execute(_SET_STATUS, (_OPEN, job_id))
        return may_begin

    def hold_again(self, job_id: str) -> None:
        """Undo `begin`; where the disk is full, the job goes on to count."""
        with suppress(AccountsError), self._database.write() as connection:
            connection.execute(_SET_STATUS, (_HELD, job_id))

    def price(self, key_id: str | None, job_id: str, dollars: float) -> None:
        """Reserve what a job is likely to cost, now that it is known; in place of what was reserved for it before.

        Raises:
            KeyBudgetError: It would cost more than the key may spend.
        """
        with self._database.write() as connection:
            connection.execute("UPDATE runs SET dollars = 0 WHERE job_id = ?", (job_id,))
            self._check_dollars(key_id, dollars)
            connection.execute("UPDATE runs SET dollars = ? WHERE job_id = ?", (dollars, job_id))

    def drop(self, *job_ids: str) -> None:
        """Take out jobs that were not accepted after all; where the disk is full, the next server does."""
        with suppress(AccountsError), self._database.write() as connection:
            connection.executemany(
                "DELETE FROM runs WHERE job_id = ? AND ended_at IS NULL", [(job_id,) for job_id in job_ids]
            )

    def settle(self, record: JobRecord) -> None:
        """Put what an ended job has taken in place of what was reserved; only the first time counts.

        A full disk ends no job: what cannot be written is kept in memory, and read from the records by the next server.
        """
        self._unsettled[record.id] = record
        try:
            with self._database.write() as connection:
                for one in self._unsettled.values():
                    _settle(connection, one)
        except AccountsError as error:
            _log.error("What jobs have taken cannot be written to the database: %s", error)
        else:
            self._unsettled.clear()

    def forget_reference(self, job_id: str) -> None:
        """Take the client's name for a job out, since somebody has deleted the job."""
        with suppress(AccountsError), self._database.write() as connection:
            connection.execute("UPDATE runs SET reference = NULL WHERE job_id = ?", (job_id,))

    def reconcile(self, records: Iterable[JobRecord], reserved: Iterable[str] = ()) -> None:
        """Make the book agree with the records that an earlier server left.

        Jobs that it lacks are added, those that have ended meanwhile are settled, and what was reserved for jobs that
        were never accepted is taken out.

        Args:
            records: Of all jobs.
            reserved: Ids of jobs that have no records that can be read.
        """
        try:
            self._reconcile(records, reserved)
        except AccountsFullError:  # jobs go on all the same; the next server tries again
            _log.error("The book of what jobs have taken cannot be brought up to date.")

    def _reconcile(self, records: Iterable[JobRecord], reserved: Iterable[str]) -> None:
        with self._database.write() as connection:
            orphans = {row["job_id"] for row in connection.execute("SELECT job_id FROM runs WHERE ended_at IS NULL")}
            orphans.difference_update(reserved)
            for record in records:
                orphans.discard(record.id)
                values = (record.id, record.owner, record.reference, record.request.profile)
                status = _HELD if record.held else _OPEN
                connection.execute(
                    "INSERT OR IGNORE INTO runs (job_id, key_id, reference, profile, created_at, status)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (*values, record.created_at.timestamp(), status),
                )
                connection.execute(f"{_SET_STATUS} AND status != ?", (status, record.id, status))
                if record.status in ENDED:
                    _settle(connection, record)
            connection.executemany("DELETE FROM runs WHERE job_id = ?", [(job_id,) for job_id in orphans])

    def sum_up(self, key_id: str | None, begins_at: float, ends_at: float) -> Sums:
        """Add up the jobs that were accepted in a period.

        Args:
            key_id: Whose; None adds up all.
            begins_at: Seconds since the epoch, included.
            ends_at: Likewise, not included.
        """
        sums, given = (_SUMS, ()) if key_id is None else (_SUMS_OF_KEY, (key_id,))
        return Sums(*self._database.read(sums, begins_at, ends_at, *given)[0])

    def list_runs(self, key_id: str | None, begins_at: float, ends_at: float) -> Iterator[Run]:
        """Yield the jobs that were accepted in a period, oldest first; arguments as for `sum_up`."""
        after: tuple[float, str] = (begins_at, "")
        while True:
            rows = self._database.read(_RUNS, *after, ends_at, key_id, _PAGE)
            yield from (Run(*row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = (rows[-1]["created_at"], rows[-1]["job_id"])

    def _check_rate(self, key_id: str, use: Use, number: int) -> None:
        limit = use.limits.jobs_per_hour
        if limit is None or use.jobs_per_hour + number <= limit:
            return
        now = self._clock()
        times = self._list_times(key_id, now - HOUR_SECONDS)
        num_over = use.jobs_per_hour + number - limit
        wait = None if number > limit else max(1, math.ceil(times[num_over - 1] + HOUR_SECONDS - now))
        raise RateLimitError(number, use.jobs_per_hour, limit, wait)

    def _check_open(self, use: Use, number: int, wait_seconds: int) -> None:
        limit = use.limits.jobs_at_once
        if limit is not None and use.jobs_at_once + number > limit:
            wait = None if number > limit else wait_seconds
            raise ConcurrencyLimitError(number, use.jobs_at_once, limit, wait)

    def _may_begin(self, key_id: str | None) -> bool:
        limit = self.find_limits(key_id).jobs_at_once
        return key_id is None or limit is None or self._count_open(key_id) < limit

    def _check_dollars(self, key_id: str | None, dollars: float, number: int = 1) -> None:
        limit = self.find_limits(key_id).dollars_per_day
        if key_id is None or limit is None or not dollars:
            return
        now = self._clock()
        spent = self._sum_dollars(key_id, now)
        if spent + dollars > limit:
            wait = self._find_dollars_wait(key_id, now, spent + dollars - limit)
            error = KeyBudgetError(dollars, spent, limit, wait, whose="this key", num_videos=number)
            error.headers = self.find_use(key_id).headers
            raise error

    def _find_dollars_wait(self, key_id: str, now: float, excess: float) -> int | None:
        """Return the seconds until so many dollars are a day old; None if they never are."""
        rows = self._database.read(
            "SELECT created_at, dollars FROM runs WHERE key_id = ? AND created_at > ? ORDER BY created_at",
            *(key_id, now - DAY_SECONDS),
        )
        for row in rows:
            excess -= row["dollars"]
            if excess <= 0:
                return max(1, math.ceil(float(row["created_at"]) + DAY_SECONDS - now))
        return None

    def _has(self, job_id: str) -> bool:
        return bool(self._database.read("SELECT 1 FROM runs WHERE job_id = ?", job_id))

    def _list_times(self, key_id: str, since: float) -> list[float]:
        rows = self._database.read(
            "SELECT created_at FROM runs WHERE key_id = ? AND created_at > ? ORDER BY created_at", key_id, since
        )
        return [row[0] for row in rows]

    def _count_open(self, key_id: str) -> int:
        rows = self._database.read(
            "SELECT COUNT(*) FROM runs WHERE key_id = ? AND ended_at IS NULL AND status != ?", key_id, _HELD
        )
        return int(rows[0][0])

    def _sum_dollars(self, key_id: str, now: float) -> float:
        rows = self._database.read(
            "SELECT COALESCE(SUM(dollars), 0) FROM runs WHERE key_id = ? AND created_at > ?", key_id, now - DAY_SECONDS
        )
        return float(rows[0][0])


def _settle(connection: sqlite3.Connection, record: JobRecord) -> None:
    cost = record.cost or (record.result.cost if record.result else None)
    ended_at = record.finished_at or record.created_at
    connection.execute(
        "UPDATE runs SET ended_at = ?, status = ?, video_seconds = ?, gpu_seconds = ?, dollars = COALESCE(?, dollars)"
        " WHERE job_id = ? AND ended_at IS NULL",
        (
            ended_at.timestamp(),
            record.status,
            record.speech_seconds if record.status == "done" else 0.0,
            cost.seconds * cost.count if cost else 0.0,
            _find_dollars(record, cost),
            record.id,
        ),
    )


def _find_dollars(record: JobRecord, cost: GpuCost | None) -> float | None:
    """Return what the run has cost; None where it has begun and nobody knows: then what was promised stands."""
    if cost is not None and cost.dollars is not None:
        return cost.dollars
    return 0.0 if record.started_at is None else None
