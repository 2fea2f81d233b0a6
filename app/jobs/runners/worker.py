"""The worker process, which runs one job after another: `python -m app.jobs.runners.worker`.

It reads orders from its standard input and writes events to its standard output, one line of JSON each. Its engines
stay loaded between jobs. It dies with the server.
"""

import io
import logging
import os
import queue
import sys
import threading
import time
from pathlib import Path

from app.jobs.runners.messages import WORKER_MESSAGES, Heartbeat, Order, WorkerSettings
from app.jobs.runners.protocol import RunEnd, RunUpdate, write_end
from app.jobs.runners.work import attempt
from app.lifetime import die_with
from app.log import set_up_log
from app.storage import JobFolder
from pipeline.checkpoint import ClipPlace
from pipeline.engine import Engine
from pipeline.engines import create_engine
from pipeline.errors import GenerationCancelledError
from pipeline.profiles import Model
from pipeline.types import Progress

_SECONDS_BETWEEN_UPDATES = 0.1
_log = logging.getLogger(__name__)


class _Inbox:
    """Reads orders in a thread, so that a cancellation arrives while a job is running."""

    def __init__(self) -> None:
        self.runs: queue.Queue[Path] = queue.Queue()
        self.cancelled = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            order = Order.model_validate_json(line)
            if order.run is None:
                self.cancelled.set()
            else:
                self.cancelled.clear()
                self.runs.put(order.run)
        os._exit(0)  # the server has closed the pipe, or died


class _Outbox:
    """Sends events to the server."""

    def __init__(self) -> None:
        # Whatever libraries print must not end up between the events: their standard output becomes standard error.
        self._pipe = io.FileIO(os.dup(1), "w")
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def send(self, message: RunUpdate | RunEnd | Heartbeat) -> None:
        with self._lock:
            self._pipe.write(WORKER_MESSAGES.dump_json(message) + b"\n")


class _Heart:
    """Sends heartbeats while there is a job, from a thread of its own."""

    def __init__(self, outbox: _Outbox, seconds: float) -> None:
        self.is_beating = threading.Event()
        self._outbox = outbox
        self._seconds = seconds
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while self.is_beating.wait():
            self._outbox.send(Heartbeat(time.process_time()))
            time.sleep(self._seconds)


class _Reporter:
    """Sends progress, though not too often, and raises once the job is cancelled."""

    def __init__(self, folder: JobFolder, inbox: _Inbox, outbox: _Outbox) -> None:
        self._folder = folder
        self._inbox = inbox
        self._outbox = outbox
        self._stage = ""
        self._sent_at = 0.0

    def __call__(self, progress: Progress) -> None:
        if self._inbox.cancelled.is_set():
            raise GenerationCancelledError("The job was cancelled.")
        now = time.monotonic()
        if progress.stage != self._stage or now - self._sent_at >= _SECONDS_BETWEEN_UPDATES:
            self._stage, self._sent_at = progress.stage, now
            self._outbox.send(RunUpdate(progress, self._folder.num_live_segments))


class Worker:
    """Runs the jobs of one server."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._engines: dict[Model, Engine] = {}
        self._inbox = _Inbox()
        self._outbox = _Outbox()
        self._heart = _Heart(self._outbox, settings.heartbeat_seconds)

    def work(self) -> None:
        """Run the jobs that are ordered, until the server ends."""
        while True:
            folder = JobFolder(self._inbox.runs.get())
            self._heart.is_beating.set()
            end = self._run(folder)
            self._heart.is_beating.clear()
            self._outbox.send(end)

    def _run(self, folder: JobFolder) -> RunEnd:
        report = _Reporter(folder, self._inbox, self._outbox)
        folder.end.unlink(missing_ok=True)
        end = attempt(folder, self._engine, report, live=self._settings.live, place=ClipPlace(folder.checkpoint))
        if end.status == "done":
            _persist(end, folder)
        return end

    def _engine(self, model: Model) -> Engine:
        if model not in self._engines:
            self._engines[model] = create_engine(model, self._settings.engine)
        return self._engines[model]


def _persist(end: RunEnd, folder: JobFolder) -> None:
    """Write the end beside the video: should the server miss it, the video is not made again."""
    try:
        write_end(folder, end)
    except OSError as error:  # the disk is full; the server still gets the event
        _log.warning("job %.6s: could not write its end to disk: %s", folder.path.name, error.strerror)


def main() -> None:
    """Run jobs until the server ends."""
    settings = WorkerSettings.model_validate_json(sys.argv[1])
    die_with(settings.server_pid)
    set_up_log(settings.log_level, settings.log_format, process="worker")
    Worker(settings).work()


if __name__ == "__main__":
    main()
