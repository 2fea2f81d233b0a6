"""How long jobs take, learned from those that were done."""

import json
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.types import Progress

_WEIGHT_OF_NEWEST = 0.3


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
        partial = self._path.with_suffix(".part")
        partial.write_text(json.dumps(self._ratios))
        partial.replace(self._path)

    def predict(self, profile: str, speech_seconds: float) -> float | None:
        """Return how long a run is likely to take, in seconds; None where nothing was measured yet."""
        ratio = self._ratios.get(profile)
        return None if ratio is None else ratio * max(speech_seconds, 1.0)


def find_remaining(predicted_seconds: float | None, elapsed: timedelta, progress: Progress | None) -> float | None:
    """Say how long a run is likely to go on, in seconds: at first as predicted, then more and more as it goes."""
    elapsed_seconds = elapsed.total_seconds()
    by_prediction = None if predicted_seconds is None else max(predicted_seconds - elapsed_seconds, 1.0)
    done = progress.percent / 100 if progress else 0.0
    if done < 0.02:
        return by_prediction
    by_progress = elapsed_seconds * (1 - done) / done
    return by_progress if by_prediction is None else done * by_progress + (1 - done) * by_prediction


def seconds_between(start: datetime | None, end: datetime | None) -> float:
    """Return the seconds from start to end; 0 where one is missing."""
    return (end - start).total_seconds() if start and end else 0.0


def _read(path: Path) -> dict[str, float]:
    try:
        return {str(name): float(ratio) for name, ratio in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError, TypeError):
        return {}  # learned again
