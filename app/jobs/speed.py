"""How long jobs take, learned from those that were done."""

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from app.storage import write_whole
from pipeline.types import Progress

_WEIGHT_OF_NEWEST = 0.3
_LEAST_SHARE = 0.02  # of a run, from which on its pace says something


class SpeedBook:
    """Keeps, for each profile, how many seconds a second of speech takes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ratios: dict[str, float] = {}
        if path.exists():
            self._ratios = _read(path)

    def add(self, profile: str, speech_seconds: float, run_seconds: float) -> None:
        """Learn from a job that was done."""
        ratio = run_seconds / max(speech_seconds, 1.0)
        known = self._ratios.get(profile, ratio)
        self._ratios[profile] = known + _WEIGHT_OF_NEWEST * (ratio - known)
        with suppress(OSError):  # a full disk ends no job: the next one is written again
            write_whole(self._path, json.dumps(self._ratios))

    def ratio(self, profile: str) -> float | None:
        """Return how many seconds a second of speech takes; None where nothing was measured yet."""
        return self._ratios.get(profile)


def find_remaining(predicted_seconds: float, elapsed: timedelta, progress: Progress | None) -> float:
    """Say how long a run is likely to go on, in seconds: at first as predicted, then more and more as it goes."""
    elapsed_seconds = elapsed.total_seconds()
    by_prediction = max(predicted_seconds - elapsed_seconds, 1.0)
    done = progress.percent / 100 if progress else 0.0
    if done < _LEAST_SHARE:
        return by_prediction
    return done * elapsed_seconds * (1 - done) / done + (1 - done) * by_prediction


def _read(path: Path) -> dict[str, float]:
    try:
        return {str(name): float(ratio) for name, ratio in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError, TypeError):
        return {}  # learned again
