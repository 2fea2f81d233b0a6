"""Keep one run's percent rising, and add up the seconds that its stages take."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline.engine import Reporter
from pipeline.engines import get_engine_spec
from pipeline.estimate import estimate
from pipeline.scene import Scene
from pipeline.types import Progress

_CHECKS = {"photo": (0.0, 1.0), "voice": (1.0, 3.0)}
_CHECKED_PERCENT = 3.0
"""Of a run that prepares its scene itself; one that is given a scene begins with the engine."""


@dataclass(frozen=True)
class RunPlan:
    """What the parts of a run after its checks are likely to take, in seconds.

    Attributes:
        loading: To bring the weights into memory.
        engine: To make the frames.
        finishing: To write what is left then.
    """

    loading: float
    engine: float
    finishing: float

    def ends(self, checked: float) -> tuple[float, float]:
        """Return the percent of the whole run at which loading and the engine are done, given that of the checks."""
        left = (100.0 - checked) / (self.loading + self.engine + self.finishing)
        return checked + left * self.loading, 100.0 - left * self.finishing


def plan_run(scene: Scene) -> RunPlan:
    """Say what the parts of a run are likely to take beside one another; how fast the machine is changes little."""
    profile = scene.profile
    seconds = estimate(profile, scene.sampling, scene.sound.duration_seconds)
    return RunPlan(seconds.loading_seconds, max(seconds.seconds, 1.0), get_engine_spec(profile.model).finishing_seconds)


class RunProgress:
    """Turns each stage's own percent into percent of the whole run, in which all seconds are as long, and passes it on.

    Args:
        report: Takes the progress of the run.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._stage = ""
        self._began = self._since = time.perf_counter()
        self._seconds_before = 0.0
        self._percent = 0.0
        self._checked = 0.0
        self._loaded, self._made = 0.0, 100.0
        self._engine_start: float | None = None
        self.timings: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        """How long the run has taken, with those before it that it goes on from."""
        return self._seconds_before + time.perf_counter() - self._began

    def go_on(self, timings: Mapping[str, float]) -> None:
        """Add the seconds that earlier runs took for what this one goes on from."""
        self._seconds_before = sum(timings.values())
        self.timings = {
            stage: timings.get(stage, 0.0) + self.timings.get(stage, 0.0) for stage in {**timings, **self.timings}
        }

    def plan(self, plan: RunPlan) -> None:
        """Take what the parts after the checks are likely to take."""
        self._loaded, self._made = plan.ends(self._checked)

    def enter(self, stage: str) -> None:
        """Begin a stage."""
        self.report(Progress(stage, 0, 0, 0.0))

    def report(self, progress: Progress) -> None:
        """Take progress whose percent is that of its stage; all stages between loading and finishing count as one.

        Raises:
            GenerationCancelledError: The run was cancelled.
        """
        self.stop_clock()
        self._stage = progress.stage
        start, end = self._find_span(progress.stage)
        self._percent = max(self._percent, start + (end - start) * min(max(progress.percent, 0.0), 100.0) / 100.0)
        is_ending = progress.is_ending or progress.stage == "finishing"
        self._report(replace(progress, percent=self._percent, is_ending=is_ending))

    def _find_span(self, stage: str) -> tuple[float, float]:
        if stage in _CHECKS:
            self._checked = _CHECKED_PERCENT
            return _CHECKS[stage]
        if stage == "finishing":
            return self._made, 100.0
        if stage == "loading" and self._engine_start is None:
            return self._checked, self._loaded
        if self._engine_start is None:
            self._engine_start = self._percent  # where nothing had to be loaded, all that follows has its share
        return self._engine_start, self._made

    def stop_clock(self) -> None:
        """Count the seconds since the last report to the stage that was running."""
        now = time.perf_counter()
        if self._stage:
            self.timings[self._stage] = self.timings.get(self._stage, 0.0) + now - self._since
        self._since = now
