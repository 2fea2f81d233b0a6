"""Runs jobs in processes of this machine, so that a crash of an engine ends that job and nothing else."""

import asyncio
import contextlib
import logging
import math
import os
import secrets
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator

from app.jobs.messages import WORDS, Order, Pulse, WorkerSettings
from app.jobs.runner import RunEnd, RunLost, RunUpdate
from app.jobs.vigil import PATIENCE_SECONDS, Vigil
from app.lifetime import kill, wait_for_end
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
_PULSES_MISSED = 6
"""So many signs of life in a row have to be missing."""
_LOOKS = 4
"""Patience is spent in so many parts: where the server itself was stopped, a timer is over before what came is read."""
_TOLD_SECONDS = 600.0
_log = logging.getLogger(__name__)


class _Worker:
    """One process, from the server's side."""

    def __init__(self, process: Process, patience_seconds: float) -> None:
        self.process = process
        self.is_cancelled = False
        self.kill_timer: asyncio.TimerHandle | None = None
        self.vigil = Vigil(patience_seconds)

    @classmethod
    async def spawn(cls, settings: WorkerSettings) -> "_Worker":
        command = (sys.executable, "-m", "app.jobs.worker", settings.model_dump_json())
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES, start_new_session=True
            ),
            settings.pulse_seconds * _PULSES_MISSED,
        )

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    def order(self, order: Order) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order.model_dump_json().encode() + b"\n")

    async def next_event(self) -> RunUpdate | RunEnd | RunLost:
        """Wait for what the worker says; if it says nothing any more, it is ended, and the run is lost."""
        while (line := await self._read_line()) and not self.vigil.is_stuck:
            word = WORDS.validate_json(line)
            if not isinstance(word, Pulse):
                self.vigil.see_word()
                return word
            self.vigil.see_pulse(word.processor_seconds)
        is_hung = line != b""
        if is_hung:
            self.kill()
        await wait_for_end(self.process)
        if self.is_cancelled:
            return RunEnd("cancelled")
        return RunLost(Notice("job.hung", "request") if is_hung else self._explain_death())

    async def _read_line(self) -> bytes | None:
        """Return what the worker says; nothing once it is dead, None if it gives no sign of life."""
        assert self.process.stdout is not None
        for _ in range(_LOOKS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.vigil.patience_seconds / _LOOKS):
                    line = await self.process.stdout.readline()
                    return line if line.endswith(b"\n") else b""  # half a word is a death in the middle of it
        return None

    def cancel(self) -> None:
        self.is_cancelled = True
        self.order(Order())
        self.kill_timer = asyncio.get_running_loop().call_later(CANCEL_GRACE_SECONDS, self.kill)

    def rest(self) -> None:
        """Be ready for the next job."""
        self.is_cancelled = False
        self.vigil.end()
        if self.kill_timer:
            self.kill_timer.cancel()

    def kill(self) -> None:
        kill(self.process)

    def _explain_death(self) -> Notice:
        code = self.process.returncode or 0
        if code == -signal.SIGKILL:
            return Notice("job.killed", "request")
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Notice("job.crashed", "request", {"reason": reason})


class LocalRunner:
    """Keeps worker processes; each is started when it is first needed and replaced when it dies."""

    is_lasting = False

    def __init__(
        self,
        settings: EngineSettings,
        *,
        log_level: str,
        capacity: int = 1,
        live: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Prepare it; no worker is started yet.

        Args:
            settings: Where engines find what they need.
            log_level: Of the workers.
            capacity: How many jobs run at the same time.
            live: Write clips that can be watched while a video is made.
            patience_seconds: How long a worker may give no sign of life before it is ended.
        """
        self.capacity = self.num_parallel = capacity
        self._engine_settings = settings
        self._worker_settings = WorkerSettings(
            engine=settings,
            server_pid=os.getpid(),
            live=live,
            log_level=log_level,
            pulse_seconds=patience_seconds / _PULSES_MISSED,
        )
        self._hung_at = -math.inf
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
        worker.vigil.begin()
        worker.order(Order(run=folder.path.resolve()))
        return handle

    async def events(self, handle: str, folder: JobFolder) -> AsyncIterator[RunUpdate | RunEnd | RunLost]:
        """Yield what the worker tells of the job, and its end."""
        del folder
        worker = self._busy[handle]
        try:
            while True:
                event = await worker.next_event()
                self._note(event)
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
        """Yield what is wrong with the workers, a sentence each."""
        for worker in self._busy.values():
            if worker.vigil.is_silent:
                yield "A worker gives no sign of life; it will be ended, and its job begun again."
        if time.monotonic() - self._hung_at < _TOLD_SECONDS:
            yield "A worker gave no sign of life and was ended; its job was begun again. The log has more."

    async def cancel(self, handle: str) -> None:
        """Ask the worker to end the job; kill it if it does not."""
        if worker := self._busy.get(handle):
            worker.cancel()

    async def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.kill()
        await asyncio.gather(*(wait_for_end(worker.process) for worker in self._workers))

    def _note(self, event: RunUpdate | RunEnd | RunLost) -> None:
        if isinstance(event, RunLost) and event.error.code == "job.hung":
            self._hung_at = time.monotonic()

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
