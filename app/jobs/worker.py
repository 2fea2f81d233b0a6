"""The process that runs jobs, one after another: `python -m app.jobs.worker`.

It reads orders from its standard input and tells events on its standard output, a line of JSON each. Its engines stay
loaded between jobs. It dies with the server.
"""

import io
import os
import queue
import sys
import threading
import time
from pathlib import Path

from app.jobs.messages import EVENTS, Order, WorkerSettings
from app.jobs.runner import RunEnd, RunUpdate
from app.jobs.work import attempt
from app.lifetime import die_with
from app.log import set_up_log
from app.storage import JobFolder
from pipeline.engine import Engine
from pipeline.engines import create_engine
from pipeline.errors import GenerationCancelledError
from pipeline.profiles import Model
from pipeline.types import Progress

_SECONDS_BETWEEN_UPDATES = 0.1


class _Inbox:
    """Reads orders in a thread, so that a cancellation arrives while a job runs."""

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
        os._exit(0)  # the server has closed the pipe or is dead


class _Outbox:
    """Tells events to the server."""

    def __init__(self) -> None:
        # What libraries print must not come between the events: standard output becomes standard error.
        self._pipe = io.FileIO(os.dup(1), "w")
        os.dup2(2, 1)

    def send(self, event: RunUpdate | RunEnd) -> None:
        self._pipe.write(EVENTS.dump_json(event) + b"\n")


class _Reporter:
    """Passes progress on, not too often, and raises once the job is cancelled."""

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
            self._outbox.send(RunUpdate(progress, len(self._folder.live_clips)))


class Worker:
    """Runs the jobs of one server."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._engines: dict[Model, Engine] = {}
        self._inbox = _Inbox()
        self._outbox = _Outbox()

    def work(self) -> None:
        """Run what is ordered, until the server ends."""
        while True:
            folder = JobFolder(self._inbox.runs.get())
            report = _Reporter(folder, self._inbox, self._outbox)
            self._outbox.send(attempt(folder, self._engine, report, live=self._settings.live))

    def _engine(self, model: Model) -> Engine:
        if model not in self._engines:
            self._engines[model] = create_engine(model, self._settings.engine)
        return self._engines[model]


def main() -> None:
    """Run jobs until the server ends."""
    settings = WorkerSettings.model_validate_json(sys.argv[1])
    die_with(settings.server_pid)
    set_up_log("%(asctime)s %(levelname)s worker: %(message)s", settings.log_level)
    Worker(settings).work()


if __name__ == "__main__":
    main()
