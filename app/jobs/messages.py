"""What server and worker tell each other, a line of JSON each."""

from pathlib import Path

from pydantic import TypeAdapter

from app.jobs.runner import RunEnd, RunUpdate
from app.records import Frozen
from pipeline.engine import EngineSettings

EVENTS: TypeAdapter[RunUpdate | RunEnd] = TypeAdapter(RunUpdate | RunEnd)
"""What the worker tells on its standard output."""


class WorkerSettings(Frozen):
    """What a worker is told once, as its argument."""

    engine: EngineSettings
    server_pid: int
    log_level: str
    live: bool = False


class Order(Frozen):
    """What a worker is told on its standard input: a job's folder to run, or None to cancel the run."""

    run: Path | None = None
