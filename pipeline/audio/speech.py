"""Where in a recording somebody speaks."""

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.nets import read_net
from pipeline.notices import Notice
from pipeline.scene import count_frames
from pipeline.types import SPEECH_PROBABILITY, SPEECH_SAMPLING_RATE, Floats

MIN_SPEECH_SECONDS = 0.3
_WINDOW, _BEFORE = 512, 64
"""Samples that the detector judges at a time, and those before them that it hears again."""
_SPECTRUM, _HOP = 256, 128
_HANN = np.hanning(_SPECTRUM + 1)[:-1].astype(np.float32)
_WINDOWS_AT_ONCE = 640
"""Twenty seconds: memory does not grow with the recording."""


def find_activity(waveform: Floats, frame_rate: int) -> Floats:
    """Return the probability of speech in each video frame (num_frames,).

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
        frame_rate: Of the video, frames a second.
    """
    padded = np.pad(waveform, (_BEFORE, -len(waveform) % _WINDOW))
    windows = sliding_window_view(padded, _BEFORE + _WINDOW)[::_WINDOW]
    probabilities = _listen(windows)
    frame_centres = (np.arange(count_frames(len(waveform), frame_rate)) + 0.5) / frame_rate
    window_centres = (np.arange(len(windows)) + 0.5) * _WINDOW / SPEECH_SAMPLING_RATE
    activity: Floats = np.interp(frame_centres, window_centres, probabilities).astype(np.float32)
    return activity


def find_spoken(activity: Floats, frame_rate: int) -> npt.NDArray[np.bool_]:
    """Return in which video frames somebody speaks (num_frames,), in none where it is too short to be speech.

    Args:
        activity: Probability of speech in each video frame (num_frames,).
        frame_rate: Of the video, frames a second.
    """
    is_spoken = activity > SPEECH_PROBABILITY
    return is_spoken & (np.count_nonzero(is_spoken) / frame_rate >= MIN_SPEECH_SECONDS)


def count_speech_seconds(activity: Floats, frame_rate: int) -> float:
    """Return how long somebody speaks."""
    return np.count_nonzero(find_spoken(activity, frame_rate)) / frame_rate


def check_activity(activity: Floats, frame_rate: int) -> tuple[Notice, ...]:
    """Warn where nobody seems to speak; the detector misses some shouting and singing, so it is no error.

    Args:
        activity: Probability of speech in each video frame (num_frames,).
        frame_rate: Of the video, frames a second.
    """
    return () if find_spoken(activity, frame_rate).any() else (Notice("audio.no_speech", "audio"),)


def _listen(windows: Floats) -> Floats:
    """Return the probability of speech in each window of (num_windows, 576), as Silero's net finds it."""
    net = read_net("silero_vad_16k.onnx")
    memory: list[Any] = [np.zeros((1, 1, 128), np.float32)] * 2
    heard = []
    for start in range(0, len(windows), _WINDOWS_AT_ONCE):
        net.setInput(_measure_spectrum(windows[start : start + _WINDOWS_AT_ONCE]), "spectrum")
        for name, value in zip("hc", memory, strict=True):
            net.setInput(value, name)
        probabilities, *memory = net.forward(["speech_probs", "hn", "cn"])
        heard.append(probabilities.ravel())
    return np.concatenate(heard)


def _measure_spectrum(windows: Floats) -> Floats:
    """Return magnitudes (num_windows, 129, 4). The net's own first layer is the same, and slow where OpenCV runs it."""
    mirrored = np.pad(windows, ((0, 0), (0, _BEFORE)), mode="reflect")
    frames = sliding_window_view(mirrored, _SPECTRUM, axis=1)[:, ::_HOP]
    return np.ascontiguousarray(np.abs(np.fft.rfft(frames * _HANN)).transpose(0, 2, 1), np.float32)
