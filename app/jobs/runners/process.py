"""One worker process, from the server's side, and the watchdog that notices when it hangs."""

import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process

from app.jobs.runners.messages import WORKER_MESSAGES, Heartbeat, Order, WorkerSettings
from app.jobs.runners.protocol import RunEnd, RunLost, RunUpdate
from app.lifetime import kill, wait_for_end
from pipeline.notices import Notice
from pipeline.profiles import Model

CANCEL_GRACE_SECONDS = 1.5
"""How long a worker may take to end a cancelled job by itself before it is killed."""

HEARTBEATS_MISSED = 6
"""How many heartbeats in a row have to be missing before a worker counts as hung."""

_IDLE_SECONDS = 1800.0
"""How long a run may neither progress nor use the processor. A step of a large model on a GPU takes minutes."""
_LEAST_PROCESSOR_SECONDS = 1.0
_LINE_BYTES = 1 << 20
_LOOKS = 4
"""The timeout is waited for in this many parts: if the server itself was stopped, a timer fires before what has
arrived meanwhile is read."""


class Watchdog:
    """Watches the messages of one worker while it has a job.

    Args:
        timeout_seconds: How long the worker may be silent. Its heartbeats come from a thread of their own, whatever
            its run computes.
    """

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._seen_at: float | None = None
        self._progressed_at = 0.0
        self._processor_seconds = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether heartbeats are missing."""
        return self._seen_at is not None and time.monotonic() - self._seen_at > self.timeout_seconds / 2

    @property
    def is_stuck(self) -> bool:
        """Whether the worker is alive but does nothing."""
        return time.monotonic() - self._progressed_at > _IDLE_SECONDS

    def start(self) -> None:
        """Start watching: the worker gets a job."""
        self.see_event()

    def stop(self) -> None:
        """Expect no more messages: the worker has no job."""
        self._seen_at = None

    def see_event(self) -> None:
        """Note an event of the run."""
        self._seen_at = self._progressed_at = time.monotonic()

    def see_heartbeat(self, processor_seconds: float) -> None:
        """Note a heartbeat; a worker that has used the processor since counts as progressing.

        Args:
            processor_seconds: Processor time that its process has used so far.
        """
        self._seen_at = time.monotonic()
        if processor_seconds - self._processor_seconds >= _LEAST_PROCESSOR_SECONDS:
            self._processor_seconds, self._progressed_at = processor_seconds, self._seen_at


class WorkerProcess:
    """One worker process, from the server's side."""

    def __init__(self, process: Process, timeout_seconds: float) -> None:
        self.process = process
        self.gpu_model: Model | None = None  # whose engine it was given, of those that need a GPU
        self.watchdog = Watchdog(timeout_seconds)
        self._is_cancelled = False
        self._kill_timer: asyncio.TimerHandle | None = None

    @classmethod
    async def spawn(cls, settings: WorkerSettings) -> "WorkerProcess":
        """Start the process."""
        command = (sys.executable, "-m", "app.jobs.runners.worker", settings.model_dump_json())
        return cls(
            await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES, start_new_session=True
            ),
            settings.heartbeat_seconds * HEARTBEATS_MISSED,
        )

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    def send(self, order: Order) -> None:
        """Give the worker an order."""
        assert self.process.stdin is not None
        self.process.stdin.write(order.model_dump_json().encode() + b"\n")

    async def next_event(self) -> RunUpdate | RunEnd | RunLost:
        """Wait for the next event of the run. A worker that hangs is killed, and its run is lost."""
        while (line := await self._read_line()) and not self.watchdog.is_stuck:
            message = WORKER_MESSAGES.validate_json(line)
            if not isinstance(message, Heartbeat):
                self.watchdog.see_event()
                return message
            self.watchdog.see_heartbeat(message.processor_seconds)
        is_hung = line != b""
        if is_hung:
            self.kill()
        await wait_for_end(self.process)
        if self._is_cancelled:
            return RunEnd("cancelled")
        return RunLost(Notice("job.hung", "request") if is_hung else self._explain_death())

    async def _read_line(self) -> bytes | None:
        """Return the next message; nothing once the worker is dead, None if it stays silent."""
        assert self.process.stdout is not None
        for _ in range(_LOOKS):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.watchdog.timeout_seconds / _LOOKS):
                    line = await self.process.stdout.readline()
                    return line if line.endswith(b"\n") else b""  # half a message: it died while writing
        return None

    def cancel(self) -> None:
        """Ask the worker to end its job, and kill it if it does not."""
        self._is_cancelled = True
        self.send(Order())
        self._kill_timer = asyncio.get_running_loop().call_later(CANCEL_GRACE_SECONDS, self.kill)

    def rest(self) -> None:
        """Get ready for the next job."""
        self._is_cancelled = False
        self.watchdog.stop()
        if self._kill_timer:
            self._kill_timer.cancel()

    def kill(self) -> None:
        """Kill the process and all that it has started."""
        kill(self.process)

    def _explain_death(self) -> Notice:
        code = self.process.returncode or 0
        if code == -signal.SIGKILL:
            return Notice("job.killed", "request")
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return Notice("job.crashed", "request", {"reason": reason})
