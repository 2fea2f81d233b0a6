"""A database with a key, and a clock that is set by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.accounts.answers import AnswerBook
from app.accounts.database import Database
from app.accounts.ledger import Ledger
from app.accounts.limits import KeyLimits


@dataclass
class Time:
    """Shows the seconds that it is set to."""

    now: float = 1_793_000_000.0

    def __call__(self) -> float:
        return self.now


def add_key(database: Database, key_id: str, limits: KeyLimits) -> None:
    """Make a key as the command does, without a secret that anyone knows."""
    with database.write() as connection:
        connection.execute(
            "INSERT INTO keys (id, name, hash, webhook_secret, created_at,"
            " jobs_at_once, jobs_per_hour, dollars_per_day) VALUES (?, ?, ?, 'whsec_', 0, ?, ?, ?)",
            (key_id, key_id, key_id.encode(), limits.jobs_at_once, limits.jobs_per_hour, limits.dollars_per_day),
        )


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "accounts.sqlite3")
    yield database
    database.close()


@pytest.fixture
def book(database: Database, time: Time) -> Callable[..., Ledger]:
    """Makes the book of a server that starts; the first one makes the key `a` with these limits."""

    def start(**limits: float) -> Ledger:
        if limits:
            add_key(database, "a", KeyLimits(**limits))
        return Ledger(database, time)

    return start


@pytest.fixture
def answers(database: Database, time: Time) -> AnswerBook:
    return AnswerBook(database, time)
