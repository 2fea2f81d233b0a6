"""Runs jobs in processes of this machine, so that an engine that crashes ends its job and nothing else."""

import asyncio
import math
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator

from app.jobs.runners.messages import Order, WorkerSettings
from app.jobs.runners.process import HEARTBEATS_MISSED, WorkerProcess
from app.jobs.runners.protocol import RunEnd, RunLost, RunUpdate
from app.lifetime import wait_for_end
from app.log import LogFormat
from app.storage import JobFolder
from pipeline.engine import Availability, EngineSettings
from pipeline.engines import GPU_ENGINES, find_availability, get_engine_spec
from pipeline.profiles import Model, Profile

_TIMEOUT_SECONDS = 60.0
_WAYS_OUT = (
    "There are two ways to use it: deploy the app to Modal with `modal deploy deploy.py`, or run it on a machine with "
    "an NVIDIA GPU and the model's weights. The preview works everywhere."
)
_REPORTED_SECONDS = 600.0
_GPU_MODELS = {spec.name for spec in GPU_ENGINES}


class LocalRunner:
    """Keeps worker processes; each is started when it is first needed and replaced when it dies."""

    durable = False

    def __init__(
        self,
        settings: EngineSettings,
        *,
        log_level: str,
        log_format: LogFormat = "text",
        capacity: int = 1,
        live: bool = False,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> None:
        """Prepare the runner; no worker is started yet.

        Args:
            settings: Where engines find what they need.
            log_level: Of the workers.
            log_format: Likewise.
            capacity: How many jobs run at a time.
            live: Write segments that can be watched while a video is being made.
            timeout_seconds: How long a worker may be silent before it is killed.
        """
        self.capacity = self.num_parallel = capacity
        self._engine_settings = settings
        self._worker_settings = WorkerSettings(
            engine=settings,
            server_pid=os.getpid(),
            live=live,
            log_level=log_level,
            log_format=log_format,
            heartbeat_seconds=timeout_seconds / HEARTBEATS_MISSED,
        )
        self._hung_at = -math.inf
        self._workers: list[WorkerProcess] = []
        self._idle: list[WorkerProcess] = []
        self._busy: dict[str, WorkerProcess] = {}

    def serves(self, model: Model) -> bool:
        """Say yes: what this machine lacks is told by `availability`."""
        del model
        return True

    def availability(self, profile: Profile) -> Availability:
        """Say whether this machine can run the profile, and what to do if it cannot."""
        found = find_availability(profile, self._engine_settings)
        if found.available or not get_engine_spec(profile.model).needs_gpu:
            return found
        return Availability(available=False, reason=f"{found.reason} {_WAYS_OUT}")

    async def warm_up(self) -> None:
        """Start a worker ahead of time if there is none: importing its libraries takes seconds."""
        if not self._workers:
            self._idle.append(await self._add_worker())

    async def persist(self, folder: JobFolder) -> None:
        """Do nothing: the data folder is on this machine's disk."""

    async def start(self, folder: JobFolder) -> str:
        """Give the job to a worker."""
        handle = secrets.token_hex(8)
        self._busy[handle] = worker = await self._take_worker(folder.read().model)
        worker.watchdog.start()
        worker.send(Order(run=folder.path.resolve()))
        return handle

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd | RunLost]:
        """Yield what the worker reports about the job, up to its end."""
        del folder
        worker = self._busy[handle]
        try:
            while True:
                event = await worker.next_event()
                self._note_hang(event)
                yield event
                if not isinstance(event, RunUpdate):
                    break
        finally:
            worker.rest()
            del self._busy[handle]
        if worker.is_alive:
            self._idle.append(worker)
        else:
            self._workers.remove(worker)

    def find_troubles(self) -> Iterator[str]:
        """Yield what is wrong with the workers, one sentence each."""
        for worker in self._busy.values():
            if worker.watchdog.is_silent:
                yield "A worker gives no sign of life; it will be killed, and its job run again."
        if time.monotonic() - self._hung_at < _REPORTED_SECONDS:
            yield "A worker gave no sign of life and was killed; its job was run again. See the log."

    async def cancel(self, handle: str) -> None:
        """Ask the worker to end the job, and kill it if it does not."""
        if worker := self._busy.get(handle):
            worker.cancel()

    async def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.kill()
        await asyncio.gather(*(wait_for_end(worker.process) for worker in self._workers))

    def _note_hang(self, event: RunUpdate | RunEnd | RunLost) -> None:
        if isinstance(event, RunLost) and event.error.code == "job.hung":
            self._hung_at = time.monotonic()

    async def _take_worker(self, model: Model) -> WorkerProcess:
        """Return a worker for a job of the model, if there is one that has it loaded."""
        if model not in _GPU_MODELS:
            return await self._take_idle_worker()
        await self._end_idle_workers_of_others(model)
        self._idle.sort(key=lambda worker: worker.gpu_model == model)
        worker = await self._take_idle_worker()
        worker.gpu_model = model
        return worker

    async def _end_idle_workers_of_others(self, model: Model) -> None:
        """Have the GPU's memory and this machine's freed of another model: nothing does so as surely as the end."""
        ended = [worker for worker in self._idle if worker.gpu_model not in {None, model}]
        self._idle = [worker for worker in self._idle if worker not in ended]
        for worker in ended:
            worker.kill()
            await wait_for_end(worker.process)
            self._workers.remove(worker)

    async def _take_idle_worker(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            self._workers.remove(worker)
        return await self._add_worker()

    async def _add_worker(self) -> WorkerProcess:
        worker = await WorkerProcess.spawn(self._worker_settings)
        self._workers.append(worker)
        return worker
