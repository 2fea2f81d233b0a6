"""What a GPU container does before its first job."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from app.deployment import Deployment
from app.log import set_up_log
from app.remote.limits import TimeLimits, find_cost
from app.remote.worker import RemoteWorker, WorkerContext
from app.settings import load_settings
from app.terminal import say
from pipeline.engine import Engine
from pipeline.engine_spec import EngineSpec
from pipeline.engines import create_engine
from pipeline.errors import PipelineError
from pipeline.notices import Notice


@dataclass(frozen=True)
class Machine:
    """A GPU container.

    Attributes:
        deployment: Its settings.
        context: What the worker needs from the place where it runs.
        num_gpus: How many GPUs make a video together.
        find_device_name: Names these GPUs as their driver does.
    """

    deployment: Deployment
    context: WorkerContext
    num_gpus: int
    find_device_name: Callable[[], str]


def load_worker(spec: EngineSpec, machine: Machine) -> RemoteWorker:
    """Load an engine, and return what runs its jobs."""
    settings = load_settings()
    set_up_log(settings.log_level, settings.log_format, is_dated=False)
    import_libraries(spec)
    where = replace(settings.engine_settings, weights=Path(machine.deployment.find_weights(spec.name)))
    engine = create_engine(spec.name, where)
    _load(engine)
    return _make_worker(machine, engine)


def make_refusing_worker(machine: Machine, refusal: Notice) -> RemoteWorker:
    """Return what fails every job with the same reason, as no engine could be loaded."""
    return _make_worker(machine, None, refusal)


def import_libraries(spec: EngineSpec) -> None:
    """Import what an engine needs and is slow to import."""
    for name in spec.libraries:
        import_module(name)


def tell_price(seconds: float, machine: Machine) -> str:
    """Say what seconds of this container's GPUs cost, if that is known."""
    cost = find_cost(machine.find_device_name(), seconds, machine.num_gpus)
    return "" if cost.dollars is None else f", ${cost.dollars:.2f}"


def _load(engine: Engine) -> None:
    """Bring the weights into memory. What is wrong with them is said now, and again to every job."""
    started = time.monotonic()
    try:
        engine.load(lambda _: None)
        say(f"The weights were loaded in {time.monotonic() - started:.0f} s.")
    except PipelineError as error:
        say(f"The weights could not be loaded: {error}")


def _make_worker(machine: Machine, engine: Engine | None, refusal: Notice | None = None) -> RemoteWorker:
    def find_engine(_: str) -> Engine:
        assert engine is not None
        return engine

    return RemoteWorker(
        Path(machine.deployment.data_path) / "jobs",
        machine.context,
        find_engine,
        TimeLimits(machine.deployment.time_limits),
        machine.find_device_name(),
        num_gpus=machine.num_gpus,
        refusal=refusal,
    )
