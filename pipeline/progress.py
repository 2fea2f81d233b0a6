"""Keep one run's percent rising, and add up the seconds that its stages take."""

import time

from pipeline.engine import Reporter
from pipeline.types import Progress

_SHARES = {"photo": (0, 1), "voice": (1, 3), "loading": (3, 10), "finishing": (98, 100)}
ALL_MADE_PERCENT = 98
"""Of a run whose last step is made: what is left takes little."""

_ENGINE_SHARE = (10, ALL_MADE_PERCENT)


class RunProgress:
    """Turns each stage's own percent into percent of the whole run, and passes it on.

    Args:
        report: Takes the progress of the run.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._stage = ""
        self._since = time.perf_counter()
        self._percent = 0.0
        self.timings: dict[str, float] = {}

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
        start, end = _SHARES.get(progress.stage, _ENGINE_SHARE)
        self._percent = max(self._percent, start + (end - start) * min(max(progress.percent, 0.0), 100.0) / 100.0)
        self._report(Progress(progress.stage, progress.step, progress.num_steps, self._percent))

    def stop_clock(self) -> None:
        """Count the seconds since the last report to the stage that was running."""
        now = time.perf_counter()
        if self._stage:
            self.timings[self._stage] = self.timings.get(self._stage, 0.0) + now - self._since
        self._since = now
