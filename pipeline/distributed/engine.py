"""An engine whose model computes on GPUs, behind the protocol. Importing it brings in no torch."""

import threading
from collections.abc import Iterator
from functools import partial
from importlib import import_module

from pipeline.distributed.messages import Generator
from pipeline.distributed.process_group import ProcessGroup
from pipeline.engine import EngineSettings, Reporter
from pipeline.errors import EngineError
from pipeline.scene import Scene
from pipeline.types import Pixels


class GpuEngine:
    """Makes videos with a model that is loaded once. One job at a time.

    A model's engine derives from it, names its runtime and says whether it is available.

    Attributes:
        runtime: The module with `load_runtime` and, for one of several ranks, `load_rank`; imported when it is needed.

    Args:
        settings: Where the weights are, and the devices.
    """

    runtime: str

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        load = partial(_load_rank, self.runtime)
        self._ranks = ProcessGroup(settings, load, (self.runtime,)) if settings.num_gpus > 1 else None
        self._runtime: Generator | None = None
        self._busy = threading.Lock()

    def load(self, report: Reporter) -> None:
        """Bring the weights into memory, once; later calls return at once, unless one of several ranks has died.

        Raises:
            EngineError: A file is missing or broken, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        if self._ranks is not None:
            self._ranks.load(report)
        elif self._runtime is None:
            self._runtime = import_module(self.runtime).load_runtime(self._settings, report)

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), clip by clip.

        Raises:
            EngineError: The weights are not loaded, another job runs, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        maker = self._runtime if self._ranks is None else self._ranks
        if maker is None or (self._ranks is not None and not self._ranks.is_loaded):
            raise EngineError("Expected the weights to be loaded first. Call load().")
        if not self._busy.acquire(blocking=False):
            raise EngineError("Expected one job at a time, got a second one. Wait for the first.")
        try:
            yield from maker.generate(scene, report)
        finally:
            self._busy.release()


def _load_rank(runtime: str, settings: EngineSettings, report: Reporter) -> Generator:
    rank: Generator = import_module(runtime).load_rank(settings, report)
    return rank
