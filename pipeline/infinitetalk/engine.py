"""The engine: InfiniteTalk behind the protocol. Importing it brings in no torch."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.distributed.process_group import ProcessGroup
from pipeline.engine import Availability, EngineSettings, Reporter
from pipeline.errors import EngineError
from pipeline.infinitetalk.availability import check_machine
from pipeline.profiles import Profile
from pipeline.scene import Scene
from pipeline.types import Pixels

if TYPE_CHECKING:
    from pipeline.distributed.messages import Generator
    from pipeline.infinitetalk.runtime import Runtime

RUNTIME = "pipeline.infinitetalk.runtime"


class InfiniteTalkEngine:
    """Makes videos with InfiniteTalk. One job at a time.

    Args:
        settings: Where the weights are, and the devices.
    """

    name = "infinitetalk"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._ranks = ProcessGroup(settings, _load_rank, (RUNTIME,)) if settings.num_gpus > 1 else None
        self._runtime: Runtime | None = None
        self._busy = threading.Lock()

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run here, without loading anything heavy."""
        return check_machine(self._settings, profile)

    def load(self, report: Reporter) -> None:
        """Bring the weights into memory, once; later calls return at once, unless one of several ranks has died.

        Raises:
            EngineError: A file is missing or broken, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        if self._ranks is not None:
            self._ranks.load(report)
        elif self._runtime is None:
            from pipeline.infinitetalk.runtime import load_runtime

            self._runtime = load_runtime(self._settings, report)

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


def _load_rank(settings: EngineSettings, report: Reporter) -> "Generator":
    from pipeline.infinitetalk.runtime import load_rank

    return load_rank(settings, report)
