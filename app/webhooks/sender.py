"""Sends what is owed, again and again until it has arrived or the last attempt has failed."""

import asyncio
import logging
import math
import ssl
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace

from app.errors import AccountsError, JobNotFoundError, NoDeliveryError, ResendTooSoonError
from app.jobs import Job, JobEvent, Jobs
from app.outbound import Answer, OutboundError, post, resolve
from app.outbound.addresses import LookUp, look_up
from app.outbound.exchange import Headers, load_trust
from app.webhooks.backlog import Backlog
from app.webhooks.book import Attempt, Delivery, DeliveryBook, DeliveryOutcome, Entry, describe_end
from app.webhooks.schedule import find_wait, read_retry_after
from app.webhooks.signing import sign
from pipeline.errors import InputError

Describe = Callable[[Job, Delivery], bytes]
"""Returns what is sent: JSON."""

TIMEOUT_SECONDS = 15.0
_LOOK_SECONDS = 60.0
_TURN_SECONDS = 0.05
_RECOVERY_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_RESEND_SECONDS = 60
_FORGET_SECONDS = 3600.0
_GONE = 410
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    """What came of an attempt: a status, or an error, or both; it is final if no other may follow."""

    status: int | None = None
    error: str | None = None
    asked_seconds: float = 0.0
    is_final: bool = False


class Sender:
    """Tells clients that their jobs have ended. For use in one event loop.

    A delivery is written down when the end of its job is, and leaves the book only as delivered or failed; so a crash
    may send one twice, with the same id, but loses none.
    """

    def __init__(
        self,
        jobs: Jobs,
        book: DeliveryBook,
        describe: Describe,
        *,
        allowed_hosts: Collection[str],
        count: Callable[[DeliveryOutcome], None] = lambda _: None,
        look_up: LookUp = look_up,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Listen for jobs that end; `start` starts the sending.

        Args:
            jobs: Whose ends are told.
            book: Keeps what is owed.
            describe: Returns what is sent.
            allowed_hosts: Hosts that may also be http or private.
            count: Is told what came of each attempt.
            look_up: Finds addresses.
            clock: Returns seconds since the epoch.
        """
        self._jobs = jobs
        self._book = book
        self._describe = describe
        self._allowed_hosts = allowed_hosts
        self._count = count
        self._look_up = look_up
        self._clock = clock
        self._backlog = Backlog()
        self._unwritten: dict[str, Delivery] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._trust: ssl.SSLContext | None = None
        self._forget_at = -math.inf
        jobs.subscribe(self._note_end, "done", "failed", "cancelled")

    async def start(self) -> None:
        """Write down what an earlier server still owed when it ended, and start sending. The jobs have been loaded."""
        now = self._clock()
        for delivery in self._book.list_pending():
            self._backlog.add(delivery)
        for job in self._jobs.list_called_back():
            delivery = describe_end(job, now)
            self._unwritten[delivery.id] = delivery  # those that are in the book stay as they are
        self._worker = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop. What is not known to have arrived is sent again at the next start."""
        if self._worker:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSE_SECONDS)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def list_of(self, job: Job) -> list[Entry]:
        """Return what was sent of a job's end."""
        return self._book.list_of(job.id)

    def send_again(self, job: Job) -> list[Entry]:
        """Send word of a job's end once more, at once, whatever became of it before.

        Raises:
            NoDeliveryError: The job has not ended, or nobody asked for word of it.
            ResendTooSoonError: It was sent a moment ago.
        """
        if job.filing.callback_url is None or not job.has_ended:
            raise NoDeliveryError(job.id, has_url=job.filing.callback_url is not None)
        now = self._clock()
        self._backlog_new([describe_end(job, now)])
        delivery, attempts = (entry := self._book.list_of(job.id)[-1]).delivery, entry.attempts
        self._check_pace(delivery, attempts[-1].at if attempts else None, now)
        if delivery.next_at is None or delivery.next_at > now:
            delivery = replace(delivery, next_at=now, num_failures=0, status="pending")
            self._book.change(delivery)
            self._backlog.add(delivery)
            self._woken.set()
        return self._book.list_of(job.id)

    def _check_pace(self, delivery: Delivery, sent_at: float | None, now: float) -> None:
        wait = 0.0 if sent_at is None else sent_at + _RESEND_SECONDS - now
        if delivery.id in self._backlog or 0 < wait <= _RESEND_SECONDS:
            raise ResendTooSoonError(delivery.job_id, max(1, round(wait)))

    def _note_end(self, event: JobEvent) -> None:
        if event.job.filing.callback_url is None:
            return
        delivery = describe_end(event.job, self._clock())
        self._unwritten[delivery.id] = delivery
        self._woken.set()
        self._write()

    def _write(self) -> None:
        """Write down what is owed. If that fails, the worker tries again; a crash before is made good at the start."""
        if self._unwritten:
            self._backlog_new(list(self._unwritten.values()))
            self._unwritten.clear()

    def _backlog_new(self, deliveries: list[Delivery]) -> None:
        for delivery in self._book.add(deliveries):
            self._backlog.add(delivery)

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            try:
                self._write()
                self._forget()
                while delivery := self._backlog.take(self._clock()):
                    self._begin(delivery)
            except Exception:  # noqa: BLE001 - a database that is locked or full for a while must not end the sending
                _log.exception("Deliveries could not be looked up; this is tried again")
                await asyncio.sleep(_RECOVERY_SECONDS)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._find_pause()):
                    await self._woken.wait()

    def _forget(self) -> None:
        """Forget deliveries with their jobs, and no sooner: those are kept by a clock that nobody can set."""
        now = time.monotonic()
        if now >= self._forget_at:
            self._forget_at = now + _FORGET_SECONDS
            self._book.forget(self._jobs.find_forgotten(self._book.list_jobs()))

    def _find_pause(self) -> float:
        next_at = self._backlog.next_at
        return _LOOK_SECONDS if next_at is None else min(_LOOK_SECONDS, max(_TURN_SECONDS, next_at - self._clock()))

    def _begin(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._send(delivery))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, delivery: Delivery) -> None:
        started_at, began = self._clock(), time.monotonic()
        outcome = _Outcome(error="Sending it failed; the server's log has the reason.")
        try:
            outcome = await self._attempt(delivery)
        except Exception:  # noqa: BLE001 - whatever one delivery does, the others go on
            _log.exception("job %.6s: its delivery failed", delivery.job_id)
        finally:
            self._backlog.give_back(delivery, has_failed=outcome.error is not None)
        seconds = round(time.monotonic() - began, 3)
        attempt = Attempt(delivery.id, started_at, seconds, outcome.status, outcome.error)
        try:
            self._settle(delivery, attempt, outcome)
        except AccountsError:  # at worst, the next server sends it once more
            _log.exception("job %.6s: what became of its delivery could not be written down", delivery.job_id)
        self._woken.set()

    async def _attempt(self, delivery: Delivery) -> _Outcome:
        try:
            job = self._jobs.get(delivery.job_id)
        except JobNotFoundError:
            return _Outcome(error="The job is forgotten.", is_final=True)
        assert job.filing.callback_url is not None
        secret = None if delivery.key_id is None else self._book.find_secret(delivery.key_id)
        if delivery.key_id is not None and secret is None:
            return _Outcome(error="The job's key was revoked.", is_final=True)
        body = self._describe(job, delivery)
        try:
            destination = await resolve(job.filing.callback_url, self._allowed_hosts, look_up=self._look_up)
            answer = await post(
                destination,
                body,
                _make_headers(delivery.id, int(self._clock()), body, secret),
                trust=await self._find_trust(),
                timeout_seconds=TIMEOUT_SECONDS,
            )
        except (InputError, OutboundError) as error:
            return _Outcome(error=str(error))
        return self._judge(answer)

    def _judge(self, answer: Answer) -> _Outcome:
        status = answer.status
        if 200 <= status < 300:
            return _Outcome(status)
        if status == _GONE:
            return _Outcome(status, "The host answered 410: it wants nothing more.", is_final=True)
        redirects = ", a redirect, which is not followed" if 300 <= status < 400 else ""
        asked = read_retry_after(answer.retry_after, self._clock()) if status in {429, 503} else 0.0
        return _Outcome(status, f"The host answered {status}{redirects}.", asked)

    def _settle(self, delivery: Delivery, attempt: Attempt, outcome: _Outcome) -> None:
        """Write down what came of an attempt, and plan the next."""
        if outcome.error is None:
            settled = replace(delivery, next_at=None, status="delivered")
        else:
            num_failures = delivery.num_failures + 1
            wait = None if outcome.is_final else find_wait(num_failures, outcome.asked_seconds)
            settled = replace(
                delivery,
                num_failures=num_failures,
                next_at=None if wait is None else self._clock() + wait,
                status="failed" if wait is None else "pending",
            )
        self._backlog.add(settled)
        self._count("retried" if settled.status == "pending" else settled.status)
        _log.info("job %.6s: %s %s", delivery.job_id, delivery.type, settled.status)
        self._book.change(settled, attempt)

    async def _find_trust(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = await asyncio.to_thread(load_trust)
        return self._trust


def _make_headers(message_id: str, timestamp: int, body: bytes, secret: str | None) -> Headers:
    headers: Headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
    }
    if secret is not None:
        headers["webhook-signature"] = sign(secret, message_id, timestamp, body)
    return headers
