"""One track for each speaker on the video's time, silent where the speaker is."""

from collections.abc import Sequence

import numpy as np

from pipeline.request import Turn
from pipeline.scene import count_frames
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

FADE_SECONDS = 0.01


def place_voice(waveform: Floats, offset: int, num_samples: int) -> Floats:
    """Return a track (num_samples,) in which a voice begins at a sample, which may lie before the track or behind it.

    Args:
        waveform: The voice (samples,) at 16 kHz.
        offset: Where it begins.
        num_samples: Of the track; what does not fit is left out.
    """
    track = np.zeros(num_samples, np.float32)
    first, last = max(offset, 0), min(offset + len(waveform), num_samples)
    if last > first:
        track[first:last] = waveform[first - offset : last - offset]
    return track


def place_activity(activity: Floats, offset: int, num_samples: int, frame_rate: int) -> Floats:
    """Return the probability of speech in each frame of a track (num_frames,), in which a voice begins at a sample.

    Args:
        activity: Of the voice, in each of its own frames.
        offset: Where it begins.
        num_samples: Of the track.
        frame_rate: Frames a second.
    """
    num_frames = count_frames(num_samples, frame_rate)
    centers = (np.arange(num_frames) + 0.5) - offset * frame_rate / SPEECH_SAMPLING_RATE
    own_centers = np.arange(len(activity)) + 0.5
    heard = np.interp(centers, own_centers, activity)
    is_outside = (centers < 0) | (centers > len(activity))
    return np.where(is_outside, 0, heard).astype(np.float32)


def cut_turns(waveform: Floats, turns: Sequence[Turn]) -> Floats:
    """Return a speaker's track (samples,) of a recording of several: silent outside of the speaker's turns.

    Turns begin and end with fades whose middle is the border, so that two of which one follows the other at once add up
    to the recording.

    Args:
        waveform: The recording (samples,) at 16 kHz.
        turns: The speaker's, on its time.
    """
    gains = np.zeros(len(waveform), np.float32)
    for turn in turns:
        first = max(int((turn.start_sec - FADE_SECONDS) * SPEECH_SAMPLING_RATE), 0)
        last = min(int((turn.end_sec + FADE_SECONDS) * SPEECH_SAMPLING_RATE) + 1, len(waveform))
        if last <= first:
            continue  # all of it is outside of the part that is used
        seconds = np.arange(first, last) / SPEECH_SAMPLING_RATE
        inside = np.minimum(seconds - turn.start_sec, turn.end_sec - seconds)
        gains[first:last] += np.clip(inside / FADE_SECONDS + 0.5, 0, 1).astype(np.float32)
    return waveform * np.minimum(gains, np.float32(1))


def cut_activity(activity: Floats, turns: Sequence[Turn], frame_rate: int) -> Floats:
    """Return the probability that a speaker speaks in each frame (num_frames,), of that that somebody does."""
    centers = (np.arange(len(activity)) + 0.5) / frame_rate
    has_turn = np.zeros(len(activity), bool)
    for turn in turns:
        has_turn |= (turn.start_sec <= centers) & (centers < turn.end_sec)
    return np.where(has_turn, activity, 0).astype(np.float32)
