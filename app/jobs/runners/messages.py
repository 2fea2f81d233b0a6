"""The messages between the server and a worker process, one line of JSON each."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from app.jobs.runners.protocol import RunEnd, RunUpdate
from app.log import LogFormat
from app.records import Frozen
from pipeline.engine import EngineSettings


@dataclass(frozen=True)
class Heartbeat:
    """A sign of life from a worker, whatever its run is doing.

    Attributes:
        processor_seconds: Processor time that its process has used so far.
    """

    processor_seconds: float


WORKER_MESSAGES: TypeAdapter[RunUpdate | RunEnd | Heartbeat] = TypeAdapter(RunUpdate | RunEnd | Heartbeat)
"""What a worker writes to its standard output."""


class WorkerSettings(Frozen):
    """What a worker is given when it is started, as its argument.

    Attributes:
        heartbeat_seconds: Time between two heartbeats.
    """

    engine: EngineSettings
    server_pid: int
    log_level: str
    log_format: LogFormat
    heartbeat_seconds: float
    live: bool = False


class Order(Frozen):
    """What a worker reads from its standard input: the folder of a job to run, or None to cancel the run."""

    run: Path | None = None
