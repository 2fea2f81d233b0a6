"""A runner and its jobs: they wait, run in turn, and end."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain, islice

from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.jobs.ledger import Ledger
from app.jobs.outcome import find_video
from app.jobs.queue import FairQueue
from app.jobs.runner import JobRunner, RunEnd, RunLost, RunUpdate
from app.records import ENDED, Resolved
from app.storage import JobFolder
from pipeline.notices import Notice
from pipeline.sampling import choose_seed

MAX_ATTEMPTS = 3
_TOLD_AT_ONCE = 50
_TELL_SECONDS = 0.25
_CANCEL_WAIT_SECONDS = 1.8
_HAND_OVER_SECONDS = 20.0
"""Who ends a server leaves it half a minute at least."""
_log = logging.getLogger(__name__)


class Lane:
    """The jobs of one runner.

    Attributes:
        runner: Runs them.
        waiting: Those that wait here; clients take turns.
        running: Those that were handed over to the runner; one whose runs last may let them wait as well.
        losses: How often runs were lost, by what is said of it.
    """

    def __init__(self, runner: JobRunner, ledger: Ledger, clock: Clock, end: Callable[[Entry, RunEnd], None]) -> None:
        """Begin without jobs.

        Args:
            runner: Closed with the lane.
            ledger: Has the jobs' records.
            clock: Of the times in records.
            end: Keeps how a job ended; is called more than once for a job that is cancelled.
        """
        self.runner = runner
        self.waiting: FairQueue[Entry] = FairQueue()
        self.running: dict[Entry, asyncio.Task[None]] = {}
        self.losses: Counter[str] = Counter()
        self._ledger = ledger
        self._clock = clock
        self._end = end
        self._is_closing = False
        self._num_changes = 0
        self._teller: asyncio.Task[None] | None = None

    def add(self, entry: Entry) -> None:
        """Let the job wait for its turn."""
        self.waiting.add(entry, entry.client)
        self.dispatch()

    def recover(self, entry: Entry) -> None:
        """Take up a job that an earlier server left; what waits begins with the next `dispatch`."""
        record = entry.record
        if record.handle and self.runner.is_lasting:
            if record.started_at is not None:
                entry.begun_at = self._clock.steady - max((self._clock.now() - record.started_at).total_seconds(), 0.0)
            self._begin(entry)
        elif end := find_video(self._ledger.folder(entry)):
            self._end(entry, end)
        elif record.attempts - record.losses >= MAX_ATTEMPTS:
            self._end(entry, RunEnd("failed", error=Notice("job.interrupted", "request", {"attempts": MAX_ATTEMPTS})))
        else:
            resolved = record.resolved or Resolved(seed=choose_seed(record.request.seed))
            self._ledger.save(entry, status="queued", started_at=None, resolved=resolved)
            self.waiting.add(entry, entry.client)

    def dispatch(self) -> None:
        """Begin as many of the waiting jobs as can run."""
        has_begun = False
        while self.waiting and len(self.running) < self.runner.capacity and not self._is_closing:
            self._begin(self.waiting.pop())
            has_begun = True
        if has_begun:
            self._tell_waiting()

    @property
    def queue(self) -> Iterator[Entry]:
        """All that wait, here or where they were handed over to, the next one first."""
        return chain(self._handed_over, self.waiting)

    @property
    def num_parallel(self) -> int:
        """How many runs go on at the same time."""
        return self.runner.num_parallel if self.runner.is_lasting else self.runner.capacity

    @property
    def begun(self) -> list[Entry]:
        """Those whose runs have begun."""
        return [entry for entry in self.running if entry.record.status != "queued"]

    @property
    def num_waiting(self) -> int:
        """How many wait, here or where they were handed over to."""
        return len(self._handed_over) + len(self.waiting)

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever the order of the jobs does."""
        return (self.waiting.version, self._num_changes)

    def count(self, client: str) -> int:
        """Return how many jobs of the client wait."""
        return self.waiting.count(client) + sum(entry.client == client for entry in self._handed_over)

    def find_position(self, entry: Entry) -> int | None:
        """Return the job's place in the queue, 1 is next; None where it does not wait."""
        if entry in self.waiting:
            return len(self._handed_over) + self.waiting.index(entry) + 1
        handed_over = self._handed_over
        return handed_over.index(entry) + 1 if entry in handed_over else None

    async def cancel(self, entry: Entry) -> None:
        """End the job, within two seconds; one that has ended stays as it is."""
        if entry in self.waiting:
            self.waiting.remove(entry)
            self._end(entry, RunEnd("cancelled"))
            self._tell_waiting()
        elif entry in self.running and entry.record.status not in ENDED:
            entry.is_cancelled = True
            if entry.handle is not None:
                await self.runner.cancel(entry.handle)
            with contextlib.suppress(TimeoutError):
                await self._wait_for_end(entry)
            self._end(entry, RunEnd("cancelled"))

    async def close(self) -> None:
        """Stop; what can go on without this server does, the rest is begun again by the next one."""
        self._is_closing = True
        tasks = [*self.running.values(), *([self._teller] if self._teller else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.runner.is_lasting:
            await self._hand_over_rest()
        await self.runner.close()

    async def _hand_over_rest(self) -> None:
        """Hand over all that waits, in turn: nobody may be here for hours to do it one by one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HAND_OVER_SECONDS):
                while self.waiting:
                    await self._hand_over(self.waiting.pop())

    async def _hand_over(self, entry: Entry) -> None:
        try:
            handle = await self.runner.start(self._ledger.folder(entry))
        except Exception:  # noqa: BLE001 - wherever the runs are; the next server begins this one
            _log.exception("job %.6s was not handed over", entry.record.id)
        else:
            self._ledger.save(entry, handle=handle, attempts=entry.record.attempts + 1)

    @property
    def _handed_over(self) -> list[Entry]:
        """Those that wait where they were handed over to."""
        return [entry for entry in self.running if entry.record.status == "queued"] if self.runner.is_lasting else []

    def _begin(self, entry: Entry) -> None:
        if entry.record.handle is None:
            self._ledger.save(entry, attempts=entry.record.attempts + 1)
            if not self.runner.is_lasting:
                self._mark_begun(entry, self._clock.now())
        self.running[entry] = task = asyncio.create_task(self._run(entry))
        task.add_done_callback(lambda _: self._leave(entry))

    def _leave(self, entry: Entry) -> None:
        del self.running[entry]
        if entry.record.status == "queued" and entry.is_cancelled:
            self._end(entry, RunEnd("cancelled"))
        elif entry.record.status == "queued" and (not self._is_closing or entry.record.handle is None):
            self.waiting.put_back(entry, entry.client)
        self._num_changes += 1
        self.dispatch()
        if self.runner.is_lasting:
            self._tell_waiting()

    async def _run(self, entry: Entry) -> None:
        folder = self._ledger.folder(entry)
        try:
            await self._start(entry, folder)
            await self._watch(entry, folder)
        except asyncio.CancelledError:
            if not self.runner.is_lasting and entry.record.status == "running":
                self._ledger.save(entry, status="queued", started_at=None, attempts=entry.record.attempts - 1)
            raise
        except Exception:  # noqa: BLE001 - whatever a runner does, the job ends with a reason and the next one runs
            _log.exception("job %.6s could not be run", entry.record.id)
            self._end(entry, RunEnd("failed", error=Notice("job.unexpected", "request")))

    async def _start(self, entry: Entry, folder: JobFolder) -> None:
        if entry.record.handle is not None:
            entry.handle = entry.record.handle  # an earlier server began it
            return
        entry.handle = await self.runner.start(folder)
        if self.runner.is_lasting:
            self._ledger.save(entry, handle=entry.handle)
        if entry.is_cancelled:
            await self.runner.cancel(entry.handle)

    async def _watch(self, entry: Entry, folder: JobFolder) -> None:
        assert entry.handle is not None
        async for event in self.runner.events(entry.handle, folder):
            match event:
                case RunEnd():
                    self._end(entry, event)
                case RunLost():
                    self._lose(entry, find_video(folder), event.error)
                case RunUpdate():
                    entry.progress, entry.num_live_clips = event.progress, event.num_live_clips
                    started_at = self._clock.take(event.started_at) or entry.record.started_at or self._clock.now()
                    self._mark_begun(entry, started_at, event.seconds)
                    entry.tell()

    def _lose(self, entry: Entry, end: RunEnd | None, error: Notice) -> None:
        """Have the job begun again, unless it is over or was lost too often."""
        self.losses[error.code] += 1
        losses = entry.record.losses + 1
        _log.warning("job %.6s lost its run, the %d. time: %s", entry.record.id, losses, error.code)
        if entry.is_cancelled:
            self._end(entry, RunEnd("cancelled"))
        elif end is not None:
            self._end(entry, end)
        elif losses >= MAX_ATTEMPTS:
            self._end(entry, RunEnd("failed", error=error))
        else:
            entry.rewind()
            self._ledger.save(entry, status="queued", started_at=None, handle=None, losses=losses)

    def _mark_begun(self, entry: Entry, started_at: datetime, seconds: float = 0.0) -> None:
        """Write down when the run began; a run whose machine was lost begins again, later."""
        record = entry.record
        if record.status in ENDED or (record.status, record.started_at) == ("running", started_at):
            return
        entry.begun_at = self._clock.steady - seconds
        self._num_changes += 1
        self._ledger.save(entry, status="running", started_at=started_at)
        if self.runner.is_lasting:
            self._tell_waiting()

    async def _wait_for_end(self, entry: Entry) -> None:
        async with asyncio.timeout(_CANCEL_WAIT_SECONDS):
            while entry.record.status not in ENDED:
                await entry.changed.wait()

    def _tell_waiting(self) -> None:
        """Wake those who follow the next jobs, and then the others bit by bit: their places have changed."""
        for entry in islice(self.queue, _TOLD_AT_ONCE):
            entry.tell()
        if self.num_waiting > _TOLD_AT_ONCE and self._teller is None and not self._is_closing:
            self._teller = asyncio.create_task(self._tell_others())

    async def _tell_others(self) -> None:
        """Wake thousands one after another; all at once, nobody else would be answered for seconds."""
        told_version = None
        while told_version != self.version:
            told_version = self.version
            for number, entry in enumerate(list(self.queue)[_TOLD_AT_ONCE:]):
                if number % _TOLD_AT_ONCE == 0:
                    await asyncio.sleep(_TELL_SECONDS)
                entry.tell()
        self._teller = None
