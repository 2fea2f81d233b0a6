"""What keys may have, and what jobs have taken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from app.accounts.database import Database
from app.accounts.ledger import Ledger
from app.accounts.limits import Entry, KeyLimits
from app.errors import ConcurrencyLimitError, KeyBudgetError, LimitError, RateLimitError
from app.records import GpuCost, JobRecord
from tests.app.accounts.conftest import Time, add_key
from tests.app.test_storage import make_record

HOUR, DAY = 3_600, 86_400
Start = Callable[..., Ledger]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def make_entries(time: Time, *ids: str, dollars: float = 0.0) -> list[Entry]:
    return [Entry(job_id, "fast", time.now, dollars) for job_id in ids]


def make_ended(
    time: Time, job_id: str, status: str = "done", dollars: float | None = 1.0, **given: object
) -> JobRecord:
    cost = None if dollars is None else GpuCost(gpu="H100", seconds=10, dollars=dollars, count=2)
    ended = {"created_at": at(time.now), "started_at": at(time.now), "finished_at": at(time.now + 60)}
    fields = ended | {"status": status, "cost": cost, "speech_seconds": 4.0, "owner": "a"} | given
    return make_record(job_id).model_copy(update=fields)


def test_a_key_has_so_many_jobs_in_any_hour_over_restarts(book: Start, time: Time) -> None:
    book(jobs_per_hour=2).reserve("a", make_entries(time, "1"))
    time.now += 600
    book().reserve("a", make_entries(time, "2"))
    with pytest.raises(RateLimitError) as caught:
        book().reserve("a", make_entries(time, "3"))
    assert caught.value.retry_after_seconds == HOUR - 600
    assert caught.value.headers == {
        "RateLimit-Policy": '"jobs";q=2;w=3600',
        "RateLimit": f'"jobs";r=0;t={HOUR - 600}',
    }
    time.now += HOUR - 600
    book().reserve("a", make_entries(time, "3"))
    book().reserve(None, make_entries(time, "4", "5", "6"))


def test_jobs_at_once_are_those_that_have_not_ended(book: Start, time: Time) -> None:
    ledger = book(jobs_at_once=2)
    ledger.reserve("a", make_entries(time, "1", "2"))
    with pytest.raises(ConcurrencyLimitError, match="has 2") as caught:
        ledger.check("a", wait_seconds=7)
    assert caught.value.retry_after_seconds == 7
    ledger.settle(make_ended(time, "1", "cancelled"))
    ledger.reserve("a", make_entries(time, "3"))
    ledger.drop("3", "1")  # what has ended stays
    assert ledger.find_use("a").remaining == KeyLimits(jobs_at_once=1)
    assert ledger.sum_up("a", 0, time.now + 1).jobs == 2


def test_many_are_reserved_at_once_or_none(book: Start, time: Time) -> None:
    ledger = book(jobs_per_hour=3)
    ledger.reserve("a", make_entries(time, "1"))
    with pytest.raises(RateLimitError, match="3 more are asked for"):
        ledger.reserve("a", make_entries(time, "2", "3", "4"))
    ledger.reserve("a", make_entries(time, "1", "2", "3"))  # the first one is in the book already
    with pytest.raises(RateLimitError) as caught:
        ledger.reserve("a", make_entries(time, *map(str, range(10, 14))))
    assert caught.value.retry_after_seconds is None


def test_what_waits_in_a_batch_counts_in_the_hour_but_not_at_once(book: Start, time: Time) -> None:
    ledger = book(jobs_at_once=2, jobs_per_hour=4, dollars_per_day=9.0)
    ledger.reserve("a", make_entries(time, "1", "2", "3", dollars=2.0), are_held=True)
    assert ledger.find_use("a").remaining == KeyLimits(2, 1, 3.0)
    for over in (make_entries(time, "4", "5"), make_entries(time, "4", dollars=3.5)):
        with pytest.raises(LimitError):
            ledger.reserve("a", over, are_held=True)
    assert [ledger.begin("a", job_id) for job_id in "123"] == [True, True, False]
    with pytest.raises(ConcurrencyLimitError):
        ledger.check("a")
    ledger.hold_again("1")
    assert ledger.begin("a", "3")
    held = [make_record(job_id).model_copy(update={"owner": "a", "held": job_id != "1"}) for job_id in "123"]
    ledger.reconcile(held)
    assert ledger.find_use("a").remaining == KeyLimits(1, 1, 3.0)


def test_dollars_are_promised_then_settled(book: Start, time: Time) -> None:
    ledger = book(dollars_per_day=5.0)
    ledger.reserve("a", make_entries(time, "1", "2", "3", "4"))
    ledger.price("a", "1", 3.0)
    time.now += 60
    ledger.price("a", "2", 2.0)
    with pytest.raises(KeyBudgetError, match=r"\$5\.00 that this key may spend") as caught:
        ledger.price("a", "3", 0.5)
    assert caught.value.retry_after_seconds == DAY - 60
    ledger.price("a", "3", 0.0)  # what costs nothing is always granted
    ledger.settle(make_ended(time, "1", "failed", 1.0))  # a failed run costs what it took
    ledger.settle(make_ended(time, "2", "cancelled", None, started_at=None))  # one that never began, nothing
    with pytest.raises(KeyBudgetError) as caught:
        ledger.price("a", "4", 5.5)
    assert caught.value.retry_after_seconds is None
    ledger.price("a", "4", 4.0)
    sums = ledger.sum_up("a", time.now - DAY, time.now + DAY)
    assert (sums.jobs, sums.dollars, sums.gpu_seconds, sums.video_seconds) == (4, 1.0, 20.0, 0.0)


def test_a_job_is_settled_once_whatever_happens_to_the_server(book: Start, time: Time) -> None:
    ledger = book(jobs_at_once=5)
    ledger.reserve("a", make_entries(time, "ended", "waiting", "never", dollars=2.0))
    records = [make_ended(time, "ended"), make_ended(time, "old"), make_record("waiting")]
    for _ in range(2):
        book().reconcile(records)
    book().settle(make_ended(time, "ended", dollars=7.0))
    sums = book().sum_up("a", 0, time.now + 1)
    assert (sums.jobs, sums.video_seconds, sums.dollars) == (3, 8.0, 2.0)
    assert book().find_use("a").jobs_at_once == 1


def test_sums_outlive_the_jobs_and_names_only_until_somebody_deletes_them(book: Start, time: Time) -> None:
    ledger = book(jobs_at_once=9)
    ledger.reserve("a", [Entry("1", "fast", time.now, reference="row 1"), Entry("2", "fast", time.now)])
    ledger.reserve(None, make_entries(time, "3"))
    ledger.forget_reference("2")
    ledger.settle(make_ended(time, "1"))
    ledger.reconcile([])
    assert [(run.job_id, run.reference) for run in ledger.list_runs("a", 0, time.now + 1)] == [("1", "row 1")]
    ledger.forget_reference("1")
    assert [run.reference for run in ledger.list_runs(None, 0, time.now + 1)] == [None]
    assert not list(ledger.list_runs("a", 0, time.now))


def test_lists_all_of_a_long_month(database: Database, time: Time) -> None:
    ledger = Ledger(database, time)
    ids = [f"{number:04}" for number in range(2_345)]
    ledger.reserve(None, make_entries(time, *ids))
    assert [run.job_id for run in ledger.list_runs(None, 0, time.now + 1)] == ids


def test_no_two_processes_exceed_a_limit(database: Database, time: Time) -> None:
    add_key(database, "a", KeyLimits(jobs_per_hour=7))
    others = [Database(database.path) for _ in range(4)]

    def ask(number: int) -> bool:
        try:
            Ledger(others[number % 4], time).reserve("a", make_entries(time, str(number)))
        except LimitError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(60))) == 7
    for other in others:
        other.close()


def test_a_job_that_is_set_aside_stays_in_the_book(book: Start, time: Time) -> None:
    ledger = book(dollars_per_day=5)
    ledger.reserve("a", [Entry("aside", "quality", time.now, 4.0), Entry("never", "quality", time.now, 1.0)])
    ledger.reconcile([], ["aside"])
    assert ledger.find_use("a").dollars_per_day == 4.0
