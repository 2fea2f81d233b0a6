"""Whether something hums in each frame, as voices do and noise does not.

The speech detector knows calm speech; it misses singing, crying and shouting, to which the mouth should move as well.
"""

import numpy as np

from pipeline.preview.loudness import Curve
from pipeline.preview.smooth import ramp
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

_WINDOW = 1024
_PITCH_HERTZ = (70, 500)
_AT_ONCE = 500
_QUIETEST = 3e-3
"""Root mean square below which nothing counts as a voice: about -50 dB."""


def measure_voicing(waveform: Floats, num_frames: int, frame_rate: int) -> Curve:
    """Return how sure it is (num_frames,), 0 to 1, that each frame of mono sound at 16 kHz is voiced.

    A voiced sound repeats itself: its autocorrelation has a peak at the pitch's period, which for noise is near 0.
    """
    padded = np.pad(waveform, _WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)
    # A window is centred on its frame's middle.
    middles = (2 * np.arange(num_frames) + 1) * SPEECH_SAMPLING_RATE // (2 * frame_rate)
    parts = [_measure(windows[middles[first : first + _AT_ONCE]]) for first in range(0, num_frames, _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _measure(windows: Floats) -> Curve:
    shaped = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(shaped, 2 * _WINDOW)) ** 2
    correlation = np.fft.irfft(power)
    low, high = (SPEECH_SAMPLING_RATE // hertz for hertz in reversed(_PITCH_HERTZ))
    # The window's own autocorrelation falls with the lag: without it a deep voice would look unvoiced.
    fading = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(_WINDOW), 2 * _WINDOW)) ** 2)
    peaks = (correlation[:, low:high] * (fading[0] / fading[low:high])).max(axis=1) / np.maximum(
        correlation[:, 0], 1e-9
    )
    loud = np.sqrt(correlation[:, 0] / _WINDOW) > _QUIETEST
    return ramp((peaks - 0.5) / 0.25) * loud
