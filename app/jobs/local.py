"""Runs jobs in processes of this machine, so that a crash of an engine ends that job and nothing else."""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator

from app.jobs.messages import EVENTS, Order, WorkerSettings
from app.jobs.runner import RunEnd, RunUpdate
from app.storage import JobFolder
from pipeline.engine import Availability, EngineSettings
from pipeline.engines import find_availability
from pipeline.notices import Notice
from pipeline.profiles import Profile

CANCEL_GRACE_SECONDS = 1.5
"""How long a worker may take to end a cancelled job by itself, before it is killed."""

_WAYS_OUT = (
    "There are two ways to use it: deploy the app to Modal with `modal deploy deploy.py`, or run it on a machine with "
    "an NVIDIA GPU and the model's weights. The preview works everywhere."
)
_LINE_BYTES = 1 << 20


class _Worker:
    """One process, from the server's side."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.is_cancelled = False
        self.kill_timer: asyncio.TimerHandle | None = None

    @classmethod
    async def spawn(cls, settings: WorkerSettings) -> "_Worker":
        command = (sys.executable, "-m", "app.jobs.worker", settings.model_dump_json())
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES, start_new_session=True
            )
        )

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    def order(self, order: Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order.model_dump_json().encode() + b"\n")

    async def next_event(self) -> RunUpdate | RunEnd:
        """Wait for what the worker says; its death is the end of the run."""
        assert self.process.stdout is not None
        if line := await self.process.stdout.readline():
            return EVENTS.validate_json(line)
        await self.process.wait()
        return RunEnd("cancelled") if self.is_cancelled else RunEnd("failed", error=self._explain_death())

    def cancel(self) -> None:
        self.is_cancelled = True
        self.order(Order())
        self.kill_timer = asyncio.get_running_loop().call_later(CANCEL_GRACE_SECONDS, self.kill)

    def rest(self) -> None:
        """Be ready for the next job."""
        self.is_cancelled = False
        if self.kill_timer:
            self.kill_timer.cancel()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    def _explain_death(self) -> Notice:
        code = self.process.returncode or 0
        if code == -signal.SIGKILL:
            return Notice("job.killed", "request")
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Notice("job.crashed", "request", {"reason": reason})


class LocalRunner:
    """Keeps worker processes; each is started when it is first needed and replaced when it dies."""

    is_lasting = False

    def __init__(self, settings: EngineSettings, *, log_level: str, capacity: int = 1, live: bool = False) -> None:
        self.capacity = capacity
        self._engine_settings = settings
        self._worker_settings = WorkerSettings(engine=settings, server_pid=os.getpid(), live=live, log_level=log_level)
        self._workers: list[_Worker] = []
        self._idle: list[_Worker] = []
        self._busy: dict[str, _Worker] = {}

    def availability(self, profile: Profile) -> Availability:
        """Say whether this machine can run the profile, and name the ways out where it cannot."""
        found = find_availability(profile, self._engine_settings)
        if found.available or profile.model == "preview":
            return found
        return Availability(available=False, reason=f"{found.reason} {_WAYS_OUT}")

    async def warm_up(self) -> None:
        """Start a worker before it is needed, if none is there: importing its libraries takes seconds."""
        if not self._workers:
            self._idle.append(await self._add_worker())

    async def keep(self, folder: JobFolder) -> None:
        """Do nothing: the data folder is on this machine's disk."""

    async def start(self, folder: JobFolder) -> str:
        """Give the job to a worker."""
        handle = secrets.token_hex(8)
        self._busy[handle] = worker = await self._take_worker()
        worker.order(Order(run=folder.path.resolve()))
        return handle

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd]:
        """Yield what the worker tells of the job, and its end."""
        del folder
        worker = self._busy[handle]
        try:
            while True:
                event = await worker.next_event()
                yield event
                if isinstance(event, RunEnd):
                    break
        finally:
            worker.rest()
            del self._busy[handle]
        if worker.is_alive:
            self._idle.append(worker)
        else:
            self._workers.remove(worker)

    async def cancel(self, handle: str) -> None:
        """Ask the worker to end the job; kill it if it does not."""
        if worker := self._busy.get(handle):
            worker.cancel()

    async def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.kill()
        await asyncio.gather(*(worker.process.wait() for worker in self._workers))

    async def _take_worker(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            self._workers.remove(worker)
        return await self._add_worker()

    async def _add_worker(self) -> _Worker:
        worker = await _Worker.spawn(self._worker_settings)
        self._workers.append(worker)
        return worker
