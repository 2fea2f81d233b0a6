"""Deliveries to real receivers, good and bad, of jobs that an earlier server left."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest
from pydantic import HttpUrl

from app.accounts.database import FILE_NAME, Database
from app.errors import NoDeliveryError, ResendTooSoonError
from app.jobs import Jobs
from app.outbound.destination import Address
from app.records import JobRecord
from app.routes.deliveries import describe_webhook
from app.settings import Settings
from app.storage import JobStore
from app.webhooks import DeliveryBook, Entry, Sender, sender
from app.webhooks.schedule import WAIT_SECONDS
from pipeline.request import VideoRequest
from tests.app.jobs.rig import RESULT, HandRunner
from tests.app.outbound.receiver import Receiver, answer, drip, send
from tests.app.webhooks.test_signing import SECRET, load_documented_receiver

pytestmark = pytest.mark.anyio

PUBLIC_URL = HttpUrl("https://video.example.com")


class House:
    """A data folder, and servers that start in it one after the other."""

    def __init__(self, path: Path, receiver: Receiver) -> None:
        self.settings = Settings(data_dir=path, live="off", webhook_hosts=(f"127.0.0.1:{receiver.port}",))
        self.skipped_seconds = 0.0
        self.outcomes: list[str] = []
        self._receiver = receiver
        with_key = Database(path / FILE_NAME)
        with with_key.write() as connection:
            connection.execute(
                "INSERT INTO keys (id, name, hash, webhook_secret, created_at) VALUES ('k1', 'a', x'00', ?, 0)",
                (SECRET,),
            )
        with_key.close()

    def clock(self) -> float:
        return time.time() + self.skipped_seconds

    def pass_by(self, seconds: float, sender: Sender | None = None) -> None:
        self.skipped_seconds += seconds
        if sender is not None:
            sender._woken.set()

    def leave_job(self, path: str, *, url: str | None = None, **fields: object) -> str:
        """Leave a job as a server does that ended before it could tell anybody."""
        store = JobStore(self.settings.data_dir)
        job_id, folder = store.create()
        now = datetime.now(UTC)
        given = {
            "status": "done",
            "result": RESULT,
            "model": "preview",
            "request": VideoRequest(profile="preview", prompt="a secret"),
            "created_at": now,
            "finished_at": now,
            "expires_at": datetime.fromtimestamp(now.timestamp() + 86_400, UTC),
            "speech_seconds": 1.0,
            "callback_url": url or f"http://127.0.0.1:{self._receiver.port}{path}",
        }
        folder.write(JobRecord(id=job_id, **given | fields))
        store.close()
        return job_id

    def drop_job(self, job_id: str) -> None:
        """Leave nothing of a job, as the retention policy does in the end."""
        store = JobStore(self.settings.data_dir)
        store.delete(job_id)
        store.close()

    @asynccontextmanager
    async def serve(self, **options: object) -> AsyncIterator[tuple[Jobs, Sender]]:
        database = Database(self.settings.data_dir / FILE_NAME)
        jobs = Jobs(self.settings, JobStore(self.settings.data_dir), HandRunner())
        sender = Sender(
            jobs,
            DeliveryBook(database),
            partial(describe_webhook, public_url=PUBLIC_URL),
            allowed_hosts=self.settings.webhook_hosts,
            count=self.outcomes.append,
            clock=self.clock,
            **options,
        )
        await jobs.start()
        await sender.start()
        yield jobs, sender
        await sender.close()
        await jobs.close()
        database.close()


@pytest.fixture
def house(tmp_path: Path, receiver: Receiver) -> House:
    return House(tmp_path, receiver)


async def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)


def find_entry(running: tuple[Jobs, Sender], job_id: str) -> Entry | None:
    return next(iter(running[1].list_of(running[0].get(job_id))), None)


async def find_tried(running: tuple[Jobs, Sender], job_id: str, num_attempts: int = 1) -> Entry:
    def is_tried() -> bool:
        entry = find_entry(running, job_id)
        return entry is not None and len(entry.attempts) >= num_attempts

    await wait_until(is_tried)
    entry = find_entry(running, job_id)
    assert entry is not None
    return entry


async def test_the_end_of_a_job_is_told_once_signed_and_as_the_api_answers(house: House, receiver: Receiver) -> None:
    job_id = house.leave_job("/hook?user=1", owner="k1", reference="row 17")
    async with house.serve() as running:
        entry = await find_tried(running, job_id)
    async with house.serve() as running:
        await asyncio.sleep(0.2)
        assert find_entry(running, job_id) == entry
    assert (entry.delivery.status, entry.delivery.next_at, entry.attempts[0].status) == ("delivered", None, 200)
    (received,) = receiver.received
    assert received.path == "/hook?user=1"
    assert received.headers["webhook-id"] == entry.delivery.id
    assert load_documented_receiver()(SECRET, received.headers, received.body)
    body = json.loads(received.body)
    assert (body["type"], body["data"]["job_id"], body["data"]["reference"]) == ("job.done", job_id, "row 17")
    assert body["data"]["links"]["video"] == f"https://video.example.com/jobs/{job_id}/video"


async def test_a_delivery_that_fails_is_tried_again_over_restarts_until_the_last_wait(
    house: House, receiver: Receiver
) -> None:
    receiver.behaviours["/hook"] = answer("500 Oh")
    job_id = house.leave_job("/hook")
    for number, wait in enumerate((*WAIT_SECONDS, None), start=1):
        async with house.serve() as running:  # each attempt by another server
            entry = await find_tried(running, job_id, number)
        assert entry.attempts[-1].error == "The host answered 500."
        if wait is not None:
            assert entry.delivery.next_at is not None
            assert wait - 2 <= entry.delivery.next_at - house.clock() <= wait * 1.2
            house.pass_by(wait * 1.2)
    assert (entry.delivery.status, entry.delivery.next_at) == ("failed", None)
    assert house.outcomes == ["retried"] * len(WAIT_SECONDS) + ["failed"]
    assert len({received.headers["webhook-id"] for received in receiver.received}) == 1
    assert "webhook-signature" not in receiver.received[0].headers  # the job has no key


async def test_bad_receivers_are_left_in_time_and_hold_up_nobody(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.5)
    behaviours = {
        "/redirects": (answer("307 There", f"Location: http://127.0.0.1:{receiver.port}/elsewhere"), "a redirect"),
        "/gone": (answer("410 Gone"), "wants nothing more"),
        "/busy": (answer("503 Busy", "Retry-After: 1000"), "answered 503"),
        "/stalls": (lambda _: time.sleep(2), "in full within"),
        "/drips": (drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), "in full within"),
        "/floods": (send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), "something else than HTTP"),
        "/endless": (send(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(10_000_000)), None),
    }
    receiver.behaviours |= {path: behave for path, (behave, _) in behaviours.items()}
    ids = {path: house.leave_job(path) for path in behaviours}
    async with house.serve() as running:
        entries = {path: await find_tried(running, job_id) for path, job_id in ids.items()}
    for path, (_, expected) in behaviours.items():
        error = entries[path].attempts[0].error
        assert error is None if expected is None else expected in (error or ""), (path, error)
    assert receiver.count("/elsewhere") == 0
    assert entries["/gone"].delivery.status == "failed"
    next_at = entries["/busy"].delivery.next_at
    assert next_at is not None
    assert 990 <= next_at - house.clock() <= 1200


async def test_what_is_owed_is_forgotten_with_its_job_whatever_the_clock_says(house: House, receiver: Receiver) -> None:
    receiver.behaviours["/hook"] = answer("500 Oh")
    job_id = house.leave_job("/hook")
    async with house.serve() as running:
        await find_tried(running, job_id)
    house.pass_by(365 * 86_400)  # only by the computer's clock
    async with house.serve() as running:
        assert len((await find_tried(running, job_id, 2)).attempts) == 2
    house.drop_job(job_id)
    async with house.serve() as running:
        book = running[1]._book
        await wait_until(lambda: not book.list_jobs())
        assert house.outcomes == ["retried", "retried"]


async def test_a_name_that_leads_inside_is_never_connected_to(house: House, receiver: Receiver) -> None:
    answers = iter([("8.8.8.8", "127.0.0.1"), ("127.0.0.1",)])

    async def look_up(host: str, port: int) -> tuple[Address, ...]:
        return tuple(map(ip_address, next(answers)))

    job_id = house.leave_job("", url=f"https://rebind.example.com:{receiver.port}/hook")
    async with house.serve(look_up=look_up) as running:
        await find_tried(running, job_id)
        house.pass_by(6, running[1])
        entry = await find_tried(running, job_id, 2)
    assert {attempt.error for attempt in entry.attempts} == {
        "The name in the address leads to a private network. Give one on the public Internet."
    }
    assert receiver.received == []


async def test_a_deleted_job_is_told_without_what_was_deleted(house: House, receiver: Receiver) -> None:
    receiver.behaviours["/hook"] = answer("500 Oh")
    job_id = house.leave_job("/hook")
    async with house.serve() as running:
        await find_tried(running, job_id)
        await running[0].delete(job_id)
        house.pass_by(6, running[1])
        await find_tried(running, job_id, 2)
    first, second = (json.loads(received.body)["data"] for received in receiver.received)
    assert first["request"]["prompt"] == "a secret"
    assert (second["expired"], second["links"]["video"], second["request"]["prompt"]) == (True, None, "")


async def test_nothing_is_sent_for_a_key_that_was_revoked(house: House, receiver: Receiver) -> None:
    database = Database(house.settings.data_dir / FILE_NAME)
    with database.write() as connection:
        connection.execute("UPDATE keys SET revoked_at = 1")
    database.close()
    job_id = house.leave_job("/hook", owner="k1")
    async with house.serve() as running:
        entry = await find_tried(running, job_id)
    assert (entry.delivery.status, entry.attempts[0].error) == ("failed", "The job's key was revoked.")
    assert receiver.received == []


async def test_word_is_sent_again_by_hand_at_most_once_a_minute(house: House, receiver: Receiver) -> None:
    job_id, silent = house.leave_job("/hook"), house.leave_job("", callback_url=None)
    async with house.serve() as running:
        jobs, sender = running
        await find_tried(running, job_id)
        with pytest.raises(ResendTooSoonError):
            sender.send_again(jobs.get(job_id))
        with pytest.raises(NoDeliveryError):
            sender.send_again(jobs.get(silent))
        house.pass_by(61)
        assert sender.send_again(jobs.get(job_id))[0].delivery.status == "pending"
        entry = await find_tried(running, job_id, 2)
    assert entry.delivery.status == "delivered"
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 60


async def test_what_cannot_be_written_down_at_once_is_written_down_later(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_RECOVERY_SECONDS", 0.05)
    job_id = house.leave_job("/hook", status="queued", result=None, finished_at=None, expires_at=None)
    other = sqlite3.connect(house.settings.data_dir / FILE_NAME, isolation_level=None)
    async with house.serve() as running:
        running[1]._book._database._connection.execute("PRAGMA busy_timeout = 1")
        other.execute("BEGIN IMMEDIATE")
        await running[0].cancel(job_id)
        await asyncio.sleep(0.1)
        assert find_entry(running, job_id) is None
        other.execute("ROLLBACK")
        assert (await find_tried(running, job_id)).delivery.type == "job.cancelled"
    other.close()
