"""How long jobs take, learned from those that were done."""

import json
import math
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from app.storage import write_whole
from pipeline.types import DeviceKind, Progress

_WEIGHT_OF_NEWEST = 0.3
_MOST_SECONDS_PER_SECOND = 100_000.0
_LEAST_SHARE = 0.02  # of a run, from which on its pace says something


class SpeedBook:
    """Keeps, for each profile, how many seconds a second of speech takes."""

    def __init__(self, path: Path) -> None:
        self.version = 0
        self._path = path
        self._ratios: dict[str, float] = {}
        if path.exists():
            self._ratios = _read(path)

    def add(self, profile: str, speech_seconds: float, run_seconds: float) -> None:
        """Learn from a job that was done; a time that cannot be is not believed."""
        ratio = run_seconds / max(speech_seconds, 1.0)
        if not _is_possible(ratio):
            return
        self.version += 1
        known = self._ratios.get(profile, ratio)
        self._ratios[profile] = known + _WEIGHT_OF_NEWEST * (ratio - known)
        with suppress(OSError):  # a full disk ends no job: the next one is written again
            write_whole(self._path, json.dumps(self._ratios))

    def ratio(self, *names: str) -> float | None:
        """Return how many seconds a second of speech takes under the first name that is known; None if none is."""
        return next((self._ratios[name] for name in names if name in self._ratios), None)


def name_place(profile: str, gpu: DeviceKind, num_gpus: int) -> str:
    """Name the speed of a profile on GPUs that are paid for, of which there may be several kinds."""
    return f"{profile} on {num_gpus} x {gpu}"


def find_remaining(predicted_seconds: float, elapsed: timedelta, progress: Progress | None) -> float:
    """Say how long a run is likely to go on, in seconds: at first as predicted, then more and more as it goes."""
    elapsed_seconds = elapsed.total_seconds()
    by_prediction = max(predicted_seconds - elapsed_seconds, 1.0)
    done = progress.percent / 100 if progress else 0.0
    if done < _LEAST_SHARE:
        return by_prediction
    return done * elapsed_seconds * (1 - done) / done + (1 - done) * by_prediction


def _is_possible(ratio: float) -> bool:
    return math.isfinite(ratio) and 0 < ratio < _MOST_SECONDS_PER_SECOND


def _read(path: Path) -> dict[str, float]:
    """Return what is in the file, without what cannot be; it is learned again."""
    try:
        ratios = {str(name): float(ratio) for name, ratio in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {name: ratio for name, ratio in ratios.items() if _is_possible(ratio)}
