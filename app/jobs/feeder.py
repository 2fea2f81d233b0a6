"""Lets jobs of batches join the queue as places get free, so that others find room there at any time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from app.errors import AppError
from app.jobs.job import JobState
from app.jobs.queue import JobQueue
from app.jobs.registry import Registry
from app.jobs.runners.protocol import RunEnd
from app.records import JobRecord
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.notices import Notice

_CHECKS_AT_ONCE = 2
_LOOK_SECONDS = 0.1
_PAUSE_SECONDS = 5.0
_log = logging.getLogger(__name__)

Check = Callable[[JobState], Awaitable[JobRecord]]


class Feeder:
    """Takes jobs out of their batches, a few ahead of those that run: clients take turns, as everywhere."""

    def __init__(
        self,
        queues: Iterable[JobQueue],
        registry: Registry,
        check: Check,
        end: Callable[[JobState, RunEnd], None],
        *,
        may_begin: Callable[[JobState], bool],
        hold_again: Callable[[JobState], None],
        num_places: int,
    ) -> None:
        """Prepare the work.

        Args:
            queues: Have the jobs that are held.
            registry: Has their records.
            check: Looks at a job's photo and voice, as is done for others when they are submitted.
            end: Records how a job ended.
            may_begin: Says whether a job may join those that wait, and counts it among them if it may.
            hold_again: Undoes that.
            num_places: How many jobs may wait; half of the places stay free of batches.
        """
        self._queues = tuple(queues)
        self._registry, self._check, self._end = registry, check, end
        self._may_begin, self._hold_again = may_begin, hold_again
        self._num_places = num_places
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start the work."""
        self._tasks = [asyncio.create_task(self._feed(queue)) for queue in self._queues for _ in range(_CHECKS_AT_ONCE)]

    async def close(self) -> None:
        """Stop; what is held stays held."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _feed(self, queue: JobQueue) -> None:
        while True:
            state = self._find_next(queue)
            if state is None:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            queue.take_held(state)
            await self._move(queue, state)

    def _find_next(self, queue: JobQueue) -> JobState | None:
        """Return the first in turn that may join the queue: a client at its limit holds up nobody else."""
        if not queue.held:
            return None
        num_ahead = sum(state.record.batch_id is not None for state in queue.pending) + len(queue.checking)
        if num_ahead >= max(1, min(2 * queue.num_parallel, self._num_places // 2)):
            return None
        return next(filter(self._may_begin, queue.held.firsts()), None)

    async def _move(self, queue: JobQueue, state: JobState) -> None:
        """Check a job and put it into the queue; where that is not possible for now, it is the next one again."""
        try:
            record = await self._check(state)
        except asyncio.CancelledError:
            raise
        except (InputError, EngineUnavailableError) as error:
            self._end(state, RunEnd("failed", error=_explain(error)))
        except (AppError, OSError) as error:
            _log.warning("job %.6s of a batch has to wait: %s", state.record.id, type(error).__name__)
            if not self._drop_if_ended(state):
                self._hold_again(state)
                queue.held.put_back(state, state.client)
            await asyncio.sleep(_PAUSE_SECONDS)
        except Exception:  # noqa: BLE001 - whatever goes wrong with one job, the next one is looked at
            _log.exception("job %.6s of a batch could not be checked", state.record.id)
            self._end(state, RunEnd("failed", error=Notice("job.unexpected", "request")))
        else:
            if not self._drop_if_ended(state):
                state.record = record
                self._registry.save(state)
                queue.add(state)
        finally:
            queue.checking.discard(state)

    def _drop_if_ended(self, state: JobState) -> bool:
        """Clear up after a job that was cancelled while it was checked."""
        if state.record.finished_at is None:
            return False
        self._registry.clear(state)
        return True


def _explain(error: InputError | EngineUnavailableError) -> Notice:
    if isinstance(error, InputError):
        return error.notice
    return Notice("job.engine_failed", "request", {"reason": str(error)})
