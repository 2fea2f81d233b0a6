"""Measures from a finished video how well the mouth follows the sound."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.image.face import FaceFinder
from pipeline.preview.loudness import measure_envelope
from pipeline.types import FRAME_RATE, Floats, Pixels

Curve = npt.NDArray[np.float64]
_MAX_LAG_FRAMES = 8
_INNER_LIPS = ((13, 14), (82, 87), (312, 317))
_HAIRLINE, _CHIN = 10, 152


@dataclass(frozen=True)
class Sync:
    """How the mouth goes with the sound.

    Attributes:
        correlation: Of opening and loudness, at no lag.
        lag_milliseconds: Where it is largest; positive where the mouth comes later.
    """

    correlation: float
    lag_milliseconds: float


def measure_sync(frames: Pixels, waveform: Floats) -> Sync:
    """Find the lips again in RGB frames (n, height, width, 3) and compare them with a voice at 16 kHz."""
    return compare(measure_openings(frames), measure_envelope(waveform, len(frames), FRAME_RATE))


def measure_openings(frames: Pixels) -> Curve:
    """Return the gap between the inner lips in each frame, as a share of the face's height."""
    finder = FaceFinder()
    landmarks = finder.find(frames[0])[0].landmarks
    openings = []
    for frame in frames:
        landmarks = finder.track(frame, landmarks)
        openings.append(measure_opening(landmarks))
    return np.array(openings, dtype=np.float64)


def measure_opening(landmarks: Floats) -> float:
    """Return the gap between the inner lips of a mesh (478, 3), as a share of the face's height."""
    points = landmarks[:, :2]
    gaps = [np.linalg.norm(points[upper] - points[lower]) for upper, lower in _INNER_LIPS]
    return float(np.mean(gaps) / np.linalg.norm(points[_HAIRLINE] - points[_CHIN]))


def compare(openings: Curve, envelope: Curve) -> Sync:
    """Correlate two curves at lags of up to 8 frames, and read the peak between the frames."""
    lags = np.arange(-_MAX_LAG_FRAMES, _MAX_LAG_FRAMES + 1)
    correlations = np.array([_correlate(openings, envelope, int(lag)) for lag in lags])
    best = int(np.clip(np.argmax(correlations), 1, len(lags) - 2))
    before, at, after = correlations[best - 1 : best + 2]
    between = 0.5 * (before - after) / (before - 2 * at + after)
    return Sync(float(correlations[_MAX_LAG_FRAMES]), float((lags[best] + between) * 1000 / FRAME_RATE))


def _correlate(openings: Curve, envelope: Curve, lag: int) -> float:
    late, early = (openings[lag:], envelope[: len(envelope) - lag]) if lag >= 0 else (openings[:lag], envelope[-lag:])
    return float(np.corrcoef(late, early)[0, 1])
