"""The queue of one runner: jobs wait, run in turn, and end."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice

from app.jobs.clock import Clock
from app.jobs.fair_queue import FairQueue
from app.jobs.job import JobState
from app.jobs.listeners import Listeners
from app.jobs.registry import Registry
from app.jobs.runners.protocol import JobRunner, RunEnd, RunLost, RunUpdate, find_unreported_end
from app.log import start_task
from app.records import ENDED, JobRecord, Resolved
from app.storage import JobFolder
from pipeline.checkpoint import count_clips
from pipeline.notices import Notice
from pipeline.sampling import choose_seed

MAX_ATTEMPTS = 3
_NOTIFIED_AT_ONCE = 50
_NOTIFY_SECONDS = 0.25
_CANCEL_WAIT_SECONDS = 1.8
_HAND_OVER_SECONDS = 20.0
"""Whatever stops a server gives it at least half a minute."""
_log = logging.getLogger(__name__)


Seal = Callable[[JobRecord, JobFolder], Awaitable[bool]]


async def _leave_unsigned(record: JobRecord, folder: JobFolder) -> bool:
    del record, folder
    return False


class JobQueue:
    """The jobs of one runner.

    Attributes:
        runner: Runs the jobs.
        waiting: Jobs that wait here; clients take turns.
        held: Jobs of batches, which join the others as places get free.
        checking: Jobs of batches that are about to join them.
        running: Jobs that were handed over to the runner; a durable one may let them wait as well.
        losses: How often runs were lost, by the code of the reason.
    """

    def __init__(
        self,
        runner: JobRunner,
        registry: Registry,
        clock: Clock,
        end: Callable[[JobState, RunEnd], None],
        listeners: Listeners,
        *,
        seal: Seal = _leave_unsigned,
    ) -> None:
        """Start without jobs.

        Args:
            runner: Is closed with the queue.
            registry: Has the jobs' records.
            clock: Keeps the time of the records.
            end: Records how a job ended; is called more than once for a job that is cancelled.
            listeners: Are told when a job is accepted, starts and progresses.
            seal: Signs a video that is done, before anybody gets it, and says whether it did.
        """
        self.runner = runner
        self.waiting: FairQueue[JobState] = FairQueue()
        self.running: dict[JobState, asyncio.Task[None]] = {}
        self.losses: Counter[str] = Counter()
        self.held: FairQueue[JobState] = FairQueue()
        self.checking: set[JobState] = set()
        self._registry = registry
        self._clock = clock
        self._end = end
        self._seal = seal
        self._listeners = listeners
        self._is_closing = self._is_paused = False
        self._num_changes = 0
        self._notifier: asyncio.Task[None] | None = None

    def add(self, state: JobState) -> None:
        """Queue a new job."""
        self.waiting.add(state, state.client)
        self._listeners.publish("accepted", state)
        self.dispatch()

    def hold(self, state: JobState) -> None:
        """Let a job of a batch wait until there is a place for it."""
        owner = state.record.owner
        state.client = state.client or (f"key {owner}" if owner else f"batch {state.record.batch_id}")
        self.held.add(state, state.client)

    def take_held(self, state: JobState) -> None:
        """Take a job of a batch out, to be checked."""
        self.held.take(state)
        self.checking.add(state)

    async def recover(self, state: JobState) -> None:
        """Resume a job that an earlier server left; if it has to wait, the next `dispatch` may start it."""
        if not self.runner.durable:
            self._count_anew(state)
        record = state.record
        if record.held:
            self.hold(state)
        elif record.handle and self.runner.durable:
            if record.started_at is not None:
                state.begun_at = self._clock.steady - max((self._clock.now() - record.started_at).total_seconds(), 0.0)
            self._begin(state)
        elif end := find_unreported_end(self._registry.folder(state)):
            await self._finish(state, end)
        elif record.attempts - record.losses >= MAX_ATTEMPTS:
            self._end(state, RunEnd("failed", error=Notice("job.interrupted", "request", {"attempts": MAX_ATTEMPTS})))
        else:
            resolved = record.resolved or Resolved(seed=choose_seed(record.request.seed))
            self._registry.save(state, status="queued", started_at=None, resolved=resolved)
            self.waiting.add(state, state.client)

    def dispatch(self) -> None:
        """Start as many of the waiting jobs as can run."""
        has_begun = False
        while self.waiting and len(self.running) < self.runner.capacity and not (self._is_closing or self._is_paused):
            self._begin(self.waiting.pop())
            has_begun = True
        if has_begun:
            self._notify_waiting()

    @property
    def pending(self) -> Iterator[JobState]:
        """All waiting jobs, here or at the runner, the next one first."""
        return chain(self._handed_over, self.waiting)

    @property
    def num_parallel(self) -> int:
        """How many runs go on at a time."""
        return self.runner.num_parallel if self.runner.durable else self.runner.capacity

    @property
    def begun(self) -> list[JobState]:
        """Jobs whose runs have started."""
        return [state for state in self.running if state.record.status != "queued"]

    @property
    def num_waiting(self) -> int:
        """How many jobs are waiting, here or at the runner."""
        return len(self._handed_over) + len(self.waiting)

    @property
    def version(self) -> tuple[int, int]:
        """Changes whenever the order of the jobs does."""
        return (self.waiting.version, self._num_changes)

    def count(self, client: str) -> int:
        """Return how many jobs of the client are waiting."""
        return self.waiting.count(client) + sum(state.client == client for state in self._handed_over)

    def find_position(self, state: JobState) -> int | None:
        """Return the job's place in the queue, 1 is next; None if it is not waiting."""
        if state in self.waiting:
            return len(self._handed_over) + self.waiting.index(state) + 1
        if state in self.held:
            return self.num_waiting + self.held.index(state) + 1
        handed_over = self._handed_over
        return handed_over.index(state) + 1 if state in handed_over else None

    async def cancel(self, state: JobState) -> None:
        """End the job within two seconds. A job that has ended stays as it is."""
        if state in self.held:
            self.held.remove(state)
            self._end(state, RunEnd("cancelled"))
        elif state in self.checking:
            self._end(state, RunEnd("cancelled"))
        elif state in self.waiting:
            self.waiting.remove(state)
            self._end(state, RunEnd("cancelled"))
            self._notify_waiting()
        elif state in self.running and state.record.status not in ENDED:
            state.is_cancelled = True
            if state.handle is not None:
                await self.runner.cancel(state.handle)
            with contextlib.suppress(TimeoutError):
                await self._wait_for_end(state)
            self._end(state, RunEnd("cancelled"))

    def pause(self) -> None:
        """Start none of the waiting jobs any more; those that run go on."""
        self._is_paused = True

    async def close(self) -> None:
        """Stop. Durable runs go on without this server; the next one starts the others again."""
        self._is_closing = True
        tasks = [*self.running.values(), *([self._notifier] if self._notifier else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.runner.durable:
            await self._hand_over_rest()
        await self.runner.close()

    async def _hand_over_rest(self) -> None:
        """Hand over all waiting jobs, in turn: the next server may not start for hours."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HAND_OVER_SECONDS):
                while self.waiting:
                    await self._hand_over(self.waiting.pop())

    async def _hand_over(self, state: JobState) -> None:
        try:
            handle = await self.runner.start(self._registry.folder(state))
        except Exception:  # noqa: BLE001 - runners fail in ways of their own; the next server starts this job
            _log.exception("job %.6s was not handed over", state.record.id)
        else:
            self._registry.save(state, handle=handle, attempts=state.record.attempts + 1)

    @property
    def _handed_over(self) -> list[JobState]:
        """Jobs that wait at the runner."""
        return [state for state in self.running if state.record.status == "queued"] if self.runner.durable else []

    def _begin(self, state: JobState) -> None:
        if state.record.handle is None:
            self._registry.save(state, attempts=state.record.attempts + 1)
            if not self.runner.durable:
                self._mark_begun(state, self._clock.now())
        self.running[state] = task = start_task(self._run(state))
        task.add_done_callback(lambda _: self._leave(state), context=Context())  # where the next job is begun

    def _leave(self, state: JobState) -> None:
        del self.running[state]
        try:
            if state.record.status == "queued" and state.is_cancelled:
                self._end(state, RunEnd("cancelled"))
            elif state.record.status == "queued" and (not self._is_closing or state.record.handle is None):
                self.waiting.put_back(state, state.client)
        finally:  # whatever becomes of one job, the next ones have their turn
            self._num_changes += 1
            self.dispatch()
        if self.runner.durable:
            self._notify_waiting()

    async def _run(self, state: JobState) -> None:
        folder = self._registry.folder(state)
        try:
            await self._start(state, folder)
            await self._watch(state, folder)
        except asyncio.CancelledError:
            if not self.runner.durable and state.record.status == "running":
                self._registry.save(state, status="queued", started_at=None, attempts=state.record.attempts - 1)
            raise
        except Exception:  # noqa: BLE001 - whatever a runner does, the job ends with a reason and the next one runs
            _log.exception("job %.6s could not be run", state.record.id)
            self._end(state, RunEnd("failed", error=Notice("job.unexpected", "request")))

    async def _start(self, state: JobState, folder: JobFolder) -> None:
        if state.record.handle is not None:
            state.handle = state.record.handle  # an earlier server started it
            return
        state.handle = await self.runner.start(folder)
        if self.runner.durable:
            self._registry.save(state, handle=state.handle)
        if state.is_cancelled:
            await self.runner.cancel(state.handle)

    async def _watch(self, state: JobState, folder: JobFolder) -> None:
        assert state.handle is not None
        async for event in self.runner.events(state.handle, folder):
            match event:
                case RunEnd():
                    await self._finish(state, event)
                case RunLost():
                    await self._lose(state, find_unreported_end(folder), event.error)
                case RunUpdate():
                    state.progress, state.num_live_segments = event.progress, event.num_live_segments
                    started_at = self._clock.take(event.started_at) or state.record.started_at or self._clock.now()
                    self._mark_begun(state, started_at, event.seconds)
                    state.notify()
                    self._listeners.publish("progressed", state)

    async def _finish(self, state: JobState, end: RunEnd) -> None:
        """End the job; its video is signed first."""
        if end.result is not None and state.record.status not in ENDED:
            is_signed = await self._seal(state.record, self._registry.folder(state))
            result = end.result.model_copy(update={"content_credentials": is_signed})
            end = replace(end, result=result)
        self._end(state, end)

    async def _lose(self, state: JobState, end: RunEnd | None, error: Notice) -> None:
        """Run the job again, unless it has ended or its run was lost too often."""
        self.losses[error.code] += 1
        losses = 0 if self._count_anew(state) else state.record.losses + 1
        _log.warning("job %.6s lost its run (loss %d): %s", state.record.id, losses, error.code)
        if state.is_cancelled:
            self._end(state, RunEnd("cancelled"))
        elif end is not None:
            await self._finish(state, end)
        elif losses >= MAX_ATTEMPTS:
            self._end(state, RunEnd("failed", error=error))
        else:
            state.rewind()
            self._registry.save(state, status="queued", started_at=None, handle=None, losses=losses)

    def _count_anew(self, state: JobState) -> bool:
        """Count attempts anew if the last one got further than those before it, and say so: it is worth another one."""
        num_clips = count_clips(self._registry.folder(state).checkpoint)
        if num_clips <= state.record.num_clips:
            return False
        self._registry.save(state, attempts=0, losses=0, num_clips=num_clips)
        return True

    def _mark_begun(self, state: JobState, started_at: datetime, seconds: float = 0.0) -> None:
        """Record when the run started. A run whose machine was lost starts again, later."""
        record = state.record
        if record.status in ENDED or (record.status, record.started_at) == ("running", started_at):
            return
        state.begun_at = self._clock.steady - seconds
        self._num_changes += 1
        self._registry.save(state, status="running", started_at=started_at)
        self._listeners.publish("started", state)
        if self.runner.durable:
            self._notify_waiting()

    async def _wait_for_end(self, state: JobState) -> None:
        async with asyncio.timeout(_CANCEL_WAIT_SECONDS):
            while state.record.status not in ENDED:
                await state.changed.wait()

    def _notify_waiting(self) -> None:
        """Notify the followers of the next jobs, then the others bit by bit: their places have changed."""
        for state in islice(self.pending, _NOTIFIED_AT_ONCE):
            state.notify()
        if self.num_waiting > _NOTIFIED_AT_ONCE and self._notifier is None and not self._is_closing:
            self._notifier = start_task(self._notify_others())

    async def _notify_others(self) -> None:
        """Notify thousands in small groups: all at once, they would hold up everybody else for seconds."""
        notified_version = None
        while notified_version != self.version:
            notified_version = self.version
            for number, state in enumerate(list(self.pending)[_NOTIFIED_AT_ONCE:]):
                if number % _NOTIFIED_AT_ONCE == 0:
                    await asyncio.sleep(_NOTIFY_SECONDS)
                state.notify()
        self._notifier = None
