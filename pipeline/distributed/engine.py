"""An engine whose model computes on GPUs, behind the protocol. Importing it brings in no torch."""

import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version

from pipeline.distributed.messages import Generator
from pipeline.distributed.process_group import ProcessGroup
from pipeline.engine import EngineSettings, Reporter, Resumption
from pipeline.errors import EngineError
from pipeline.profiles import Model
from pipeline.scene import Scene
from pipeline.types import Pixels
from pipeline.weights.manifest import compute_sha256, list_manifests


class GpuEngine:
    """Makes videos with a model that is loaded once. One job at a time.

    A model's engine derives from it, names its runtime and says whether it is available.

    Attributes:
        name: Of the model.
        runtime: The module with `load_runtime` and, for one of several ranks, `load_rank`; imported when it is needed.

    Args:
        settings: Where the weights are, and the devices.
    """

    name: Model
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

    def identify(self) -> str | None:
        """Name weights and whatever else frames depend on; not the devices, on each of which a video may go on.

        Returns:
            None where the weights have no table, as those that were released: they can change under the same names.
        """
        settings, weights = self._settings, self._settings.find_weights(self.name)
        if weights is None or not (tables := list_manifests(weights)):
            return None
        names = sha256()
        for table in tables:
            names.update(f"{table.relative_to(weights)} {compute_sha256(table)}\n".encode())
        return f"{names.hexdigest()} {settings.precision} {settings.dmd_scale} torch {version('torch')}"

    def generate(self, scene: Scene, report: Reporter, resumption: Resumption | None = None) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), clip by clip, from the one on that comes next.

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
            state = None if resumption is None else resumption.state
            for clip in maker.generate(scene, report, state):
                # Before anybody sees its frames: what was shown is never made a second time.
                if resumption is not None and clip.state is not None:
                    resumption.keep(clip.frames, clip.state)
                yield clip.frames
        finally:
            self._busy.release()


def _load_rank(runtime: str, settings: EngineSettings, report: Reporter) -> Generator:
    rank: Generator = import_module(runtime).load_rank(settings, report)
    return rank
