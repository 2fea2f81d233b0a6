"""What server and worker tell each other, a line of JSON each."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from app.jobs.runner import RunEnd, RunUpdate
from app.records import Frozen
from pipeline.engine import EngineSettings

EVENTS: TypeAdapter[RunUpdate | RunEnd] = TypeAdapter(RunUpdate | RunEnd)
"""What a run tells."""


@dataclass(frozen=True)
class Pulse:
    """A worker's sign of life, whatever its run is doing.

    Attributes:
        processor_seconds: What its process has used so far.
    """

    processor_seconds: float


WORDS: TypeAdapter[RunUpdate | RunEnd | Pulse] = TypeAdapter(RunUpdate | RunEnd | Pulse)
"""What the worker tells on its standard output."""


class WorkerSettings(Frozen):
    """What a worker is told once, as its argument.

    Attributes:
        pulse_seconds: Between two signs of life.
    """

    engine: EngineSettings
    server_pid: int
    log_level: str
    pulse_seconds: float
    live: bool = False


class Order(Frozen):
    """What a worker is told on its standard input: a job's folder to run, or None to cancel the run."""

    run: Path | None = None
