"""How loud the voice is in each video frame, and whether it is a voice at all."""

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation

from pipeline.preview.smooth import ramp
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

Curve = npt.NDArray[np.float64]
_RANGE_DB = 30.0
_SILENCE_DB = -55.0
_ABOVE_NOISE_DB = 6.0
_HANGOVER_FRAMES = 6
_STILL = 0.2
"""A frame with less probability of speech shows how loud the noise is."""


def measure_envelope(
    waveform: Floats,
    num_frames: int,
    frame_rate: int,
    activity: Curve | Floats | None = None,
    heard: npt.NDArray[np.bool_] | None = None,
) -> Curve:
    """Return the loudness (num_frames,), 0 to 1 over the top 30 dB, within each frame.

    Args:
        waveform: Mono samples at 16 kHz.
        num_frames: Video frames to measure.
        frame_rate: Of the video, frames a second.
        activity: Probability of speech in each frame; where it is given, noise between the words counts as silence.
        heard: Which frames say how loud the voice is; None takes all. Long silence would leave it too quiet.
    """
    loudness = _measure_decibels(waveform, num_frames, frame_rate)
    known = loudness if heard is None else loudness[heard]
    top = float(np.percentile(known, 95)) if len(known) else _SILENCE_DB
    if top <= _SILENCE_DB:
        return np.zeros(num_frames)
    bottom = top - _RANGE_DB
    if activity is not None:
        still = known[(activity if heard is None else activity[heard]) < _STILL]
        bottom = max(bottom, min(_find_noise(still, frame_rate // 2), top - _RANGE_DB / 2))
    return np.clip((loudness - bottom) / (top - bottom), 0, 1)


def gate(activity: Curve | Floats) -> Curve:
    """Return 1 in and around speech and 0 elsewhere, without cutting first and last sounds."""
    padded = np.pad(activity.astype(np.float64), _HANGOVER_FRAMES, mode="edge")
    near = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HANGOVER_FRAMES + 1).max(axis=1)
    return ramp((near - 0.15) / 0.35)


def find_heard(activity: Curve | Floats) -> npt.NDArray[np.bool_]:
    """Return in which frames (num_frames,) there is speech, or little time until or since."""
    return np.asarray(binary_dilation(gate(activity) > 0, iterations=_HANGOVER_FRAMES))


def _measure_decibels(waveform: Floats, num_frames: int, frame_rate: int) -> Curve:
    span = SPEECH_SAMPLING_RATE // frame_rate
    # Frame by frame, without a copy of the voice, which may be ten minutes long.
    frames = (waveform[first * SPEECH_SAMPLING_RATE // frame_rate :][:span] for first in range(num_frames))
    power = np.array([np.einsum("s,s->", samples, samples) for samples in frames], np.float64) / span
    return np.asarray(20 * np.log10(np.sqrt(power) + 1e-5))


def _find_noise(still: Curve, least_frames: int) -> float:
    return float(np.percentile(still, 75)) + _ABOVE_NOISE_DB if len(still) >= least_frames else -np.inf
