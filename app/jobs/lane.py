"""A runner and its jobs: they wait, run in turn, and end."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from app.jobs.entry import Entry
from app.jobs.ledger import Ledger
from app.jobs.runner import JobRunner, RunEnd
from app.storage import JobFolder
from pipeline.notices import Notice

MAX_ATTEMPTS = 3
_CANCEL_WAIT_SECONDS = 1.8
_log = logging.getLogger(__name__)


class Lane:
    """The jobs of one runner.

    Attributes:
        runner: Runs them.
        waiting: Those that wait, the next one first.
        running: Those that run.
    """

    def __init__(self, runner: JobRunner, ledger: Ledger, end: Callable[[Entry, RunEnd], None]) -> None:
        """Begin without jobs.

        Args:
            runner: Closed with the lane.
            ledger: Has the jobs' records.
            end: Keeps how a job ended; is called more than once for a job that is cancelled.
        """
        self.runner = runner
        self.waiting: list[Entry] = []
        self.running: dict[Entry, asyncio.Task[None]] = {}
        self._ledger = ledger
        self._end = end
        self._is_closing = False

    def add(self, entry: Entry) -> None:
        """Let the job wait for its turn."""
        self.waiting.append(entry)
        self.dispatch()

    def recover(self, entry: Entry) -> None:
        """Take up a job that an earlier server left; what waits begins with the next `dispatch`."""
        record = entry.record
        if record.status == "running" and record.handle and self.runner.is_lasting:
            self._begin(entry)
        elif record.attempts >= MAX_ATTEMPTS:
            self._end(entry, RunEnd("failed", error=Notice("job.interrupted", "request", {"attempts": MAX_ATTEMPTS})))
        else:
            self._ledger.save(entry, status="queued", started_at=None)
            self.waiting.append(entry)

    def dispatch(self) -> None:
        """Begin as many of the waiting jobs as can run."""
        while self.waiting and len(self.running) < self.runner.capacity and not self._is_closing:
            self._begin(self.waiting.pop(0))
            self._tell_waiting()

    def find_position(self, entry: Entry) -> int | None:
        """Return the job's place in the queue, 1 is next; None where it does not wait."""
        return self.waiting.index(entry) + 1 if entry in self.waiting else None

    async def cancel(self, entry: Entry) -> None:
        """End the job, within two seconds; one that has ended stays as it is."""
        if entry in self.waiting:
            self.waiting.remove(entry)
            self._end(entry, RunEnd("cancelled"))
            self._tell_waiting()
        elif entry.record.status == "running":
            entry.is_cancelled = True
            if entry.handle is not None:
                await self.runner.cancel(entry.handle)
            with contextlib.suppress(TimeoutError):
                await self._wait_for_end(entry)
            self._end(entry, RunEnd("cancelled"))

    async def close(self) -> None:
        """Stop; what cannot go on without this server is begun again by the next one."""
        self._is_closing = True
        tasks = list(self.running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.runner.close()

    def _begin(self, entry: Entry) -> None:
        if entry.record.status == "queued":
            attempts = entry.record.attempts + 1
            self._ledger.save(entry, status="running", started_at=datetime.now(UTC), attempts=attempts, handle=None)
        self.running[entry] = task = asyncio.create_task(self._run(entry))
        task.add_done_callback(lambda _: self._leave(entry))

    def _leave(self, entry: Entry) -> None:
        del self.running[entry]
        self.dispatch()

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
            if isinstance(event, RunEnd):
                self._end(entry, event)
            else:
                entry.progress, entry.num_live_clips = event.progress, event.num_live_clips
                entry.tell()

    async def _wait_for_end(self, entry: Entry) -> None:
        async with asyncio.timeout(_CANCEL_WAIT_SECONDS):
            while entry.record.status == "running":
                await entry.changed.wait()

    def _tell_waiting(self) -> None:
        """Wake those who follow waiting jobs: their places have changed."""
        for entry in self.waiting:
            entry.tell()
