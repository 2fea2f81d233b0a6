"""The engine: InfiniteTalk behind the protocol. Importing it brings in no torch."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.engine import Availability, EngineSettings, Reporter
from pipeline.errors import EngineError
from pipeline.infinitetalk.availability import check_machine
from pipeline.infinitetalk.crew import Crew
from pipeline.profiles import Profile
from pipeline.types import Pixels, Scene

if TYPE_CHECKING:
    from pipeline.infinitetalk.runtime import Runtime


class InfiniteTalkEngine:
    """Makes videos with InfiniteTalk. One job at a time.

    Args:
        settings: Where the weights are, and the devices.
    """

    name = "infinitetalk"

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._crew = Crew(settings) if settings.num_gpus > 1 else None
        self._runtime: Runtime | None = None
        self._busy = threading.Lock()

    def availability(self, profile: Profile) -> Availability:
        """Say whether the profile can run here, without loading anything heavy."""
        return check_machine(self._settings, profile)

    def load(self, report: Reporter) -> None:
        """Bring the weights into memory, once; later calls return at once, unless one of several processes has died.

        Raises:
            EngineError: A file is missing or broken, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        if self._crew is not None:
            self._crew.load(report)
        elif self._runtime is None:
            from pipeline.infinitetalk.runtime import load_runtime

            self._runtime = load_runtime(self._settings, report)

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), clip by clip.

        Raises:
            EngineError: The weights are not loaded, another job runs, or memory is short.
            GenerationCancelledError: `report` said so.
        """
        maker = self._runtime if self._crew is None else self._crew
        if maker is None or (self._crew is not None and not self._crew.is_loaded):
            raise EngineError("Expected the weights to be loaded first. Call load().")
        if not self._busy.acquire(blocking=False):
            raise EngineError("Expected one job at a time, got a second one. Wait for the first.")
        try:
            yield from maker.generate(scene, report)
        finally:
            self._busy.release()
