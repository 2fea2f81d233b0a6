"""From the voice to what the face does in each frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from openfacefx.alignment import PhonemeSegment
from openfacefx.coarticulation import build_viseme_curves
from openfacefx.gestures import GestureParams, generate_gestures
from openfacefx.visemes import VISEMES

from pipeline.preview.loudness import Curve, find_heard, gate, measure_envelope
from pipeline.preview.phones import hear_phones
from pipeline.preview.smooth import ramp
from pipeline.preview.voicing import measure_voicing
from pipeline.scene import Speaker
from pipeline.types import SPEECH_SAMPLING_RATE

MAX_OPENING = 0.36
"""Between the inner lips of a full "ah", in mouth widths."""
_VISEME_RATE = 100
_STRETCH_SECONDS = 20
_MOUTHS = {
    "sil": (0.0, 0.0), "PP": (0.0, -0.05), "FF": (0.07, 0.1), "TH": (0.2, 0.0), "DD": (0.2, 0.1), "kk": (0.26, 0.0),
    "CH": (0.2, -0.55), "SS": (0.12, 0.35), "nn": (0.18, 0.1), "RR": (0.22, -0.4), "aa": (1.0, 0.05), "E": (0.6, 0.4),
    "I": (0.34, 0.6), "O": (0.7, -0.7), "U": (0.34, -1.0),
}  # fmt: skip
"""Of each of the 15 visemes: how far the mouth opens, 0 to 1, and how wide it gets, -1 to 1."""


@dataclass(frozen=True)
class Pose:
    """What the face does in one frame.

    Attributes:
        opening: Between the inner lips, in mouth widths.
        width: -1 rounded to 1 spread.
        press: How firmly the lips are shut, 0 to 1.
        blink: 0 open to 1 shut.
        brow: 0 at rest to 1 raised.
        pitch: Of the head in degrees, down is positive.
        yaw: In degrees.
        roll: In degrees.
    """

    opening: float = 0.0
    width: float = 0.0
    press: float = 0.0
    blink: float = 0.0
    brow: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


def perform_all(
    speakers: Sequence[Speaker], frame_rate: int, seed: int, report: Callable[[float], None]
) -> list[tuple[Pose, ...]]:
    """Plan each speaker's pose (speakers,) in each frame.

    Args:
        speakers: Whose faces and voices.
        frame_rate: Of the video, frames a second.
        seed: Of blinks and head movement, which are everybody's own.
        report: Takes the share that is done.
    """

    def listen(index: int, speaker: Speaker) -> list[Pose]:
        def report_one(share: float) -> None:
            report((index + share) / len(speakers))

        return perform(speaker, frame_rate, seed + index, report_one, alone=len(speakers) == 1)

    return list(zip(*(listen(index, speaker) for index, speaker in enumerate(speakers)), strict=True))


def perform(
    speaker: Speaker, frame_rate: int, seed: int, report: Callable[[float], None], *, alone: bool = True
) -> list[Pose]:
    """Plan the pose of each frame from the voice.

    Args:
        speaker: Whose face and voice.
        frame_rate: Of the video, frames a second.
        seed: Of blinks and head movement.
        report: Takes the share that is done.
        alone: Whether nobody else speaks in the video. Where others do, this voice is listened to in its turns only.
    """
    waveform, num_frames = speaker.waveform, len(speaker.activity)
    voice = np.maximum(speaker.activity, measure_voicing(waveform, num_frames, frame_rate))
    heard = np.ones(num_frames, bool) if alone else find_heard(voice)
    envelope = measure_envelope(waveform, num_frames, frame_rate, voice, heard) * gate(voice)
    segments = hear_phones(waveform, report, _cut_turns(heard, len(waveform), frame_rate))
    visemes = _sample_visemes(segments, num_frames, frame_rate)
    opening, width = (sum(visemes[name] * _MOUTHS[name][side] for name in VISEMES) for side in (0, 1))
    press = np.clip(visemes["PP"] + 0.5 * visemes["FF"], 0, 1) * (envelope > 0)
    # The sound's shape opens the mouth, its loudness says how far; what is not understood still moves with loudness.
    # Where the speech detector hears no speech, such as in a song, sounds are often misheard: loudness leads there.
    trust = gate(speaker.activity)
    press *= trust
    opening = (0.3 + 0.4 * trust) * opening * (0.25 + 0.75 * envelope)
    opening += (0.54 - 0.30 * trust) * envelope**1.5 * (1 - press)
    curves = {
        "opening": MAX_OPENING * opening * ramp(envelope / 0.25),
        "width": width * ramp(envelope / 0.2),
        "press": press,
        **_gesture(segments, envelope, frame_rate, seed),
    }
    return [Pose(**dict(zip(curves, values, strict=True))) for values in np.stack([*curves.values()], axis=1).tolist()]


def _cut_turns(heard: npt.NDArray[np.bool_], num_samples: int, frame_rate: int) -> list[tuple[int, int]]:
    """Return the spans of samples of the frames that are heard; the last frame's goes on to the voice's end."""
    edges = np.flatnonzero(np.diff(heard, prepend=False, append=False))
    samples = np.where(edges == len(heard), num_samples, edges * SPEECH_SAMPLING_RATE // frame_rate)
    return [(int(start), int(stop)) for start, stop in samples.reshape(-1, 2)]


def _sample_visemes(segments: list[PhonemeSegment], num_frames: int, frame_rate: int) -> dict[str, Curve]:
    """Return how strongly each viseme shapes the mouth in each frame.

    The curves are made for a stretch at a time, with a second of what lies around it: time and memory of
    `build_viseme_curves` grow with the square of the length.
    """
    weights = np.zeros((num_frames, len(VISEMES)))
    num_at_once = _STRETCH_SECONDS * frame_rate
    for first in range(0, num_frames, num_at_once):
        frames = np.arange(first, min(first + num_at_once, num_frames))
        middles = (frames + 0.5) / frame_rate
        around = [
            segment for segment in segments if segment.end > middles[0] - 1.0 and segment.start < middles[-1] + 1.0
        ]
        if around:
            times, matrix = build_viseme_curves(around, fps=_VISEME_RATE)
            weights[frames] = np.stack([np.interp(middles, times, column) for column in matrix.T], axis=1)
    return {name: weights[:, column] for column, name in enumerate(VISEMES)}


def _gesture(segments: list[PhonemeSegment], envelope: Curve, frame_rate: int, seed: int) -> dict[str, Curve]:
    params = GestureParams(seed=seed, head_pitch_deg=1.5, head_ambient_deg=0.7, gaze_enable=False)
    num_frames = len(envelope)
    middles = (np.arange(num_frames) + 0.5) / frame_rate
    channels = {
        channel.name: ([key.time for key in channel.keys], [key.value for key in channel.keys])
        for channel in generate_gestures(num_frames / frame_rate, frame_rate, middles, envelope, segments, params)
    }

    def sample(name: str, times: Curve = middles) -> Curve:
        return np.interp(times, *channels[name]) if name in channels else np.zeros(len(times))

    # A blink peaks between two frames as often as on one: the largest value of a frame's span shuts the eye each time.
    fine = (np.arange(num_frames * 4) + 0.5) / (4 * frame_rate)
    return {
        "blink": sample("blink_L", fine).reshape(num_frames, 4).max(axis=1),
        "brow": sample("browUp"),
        "pitch": sample("headPitch"),
        "yaw": sample("headYaw"),
        "roll": sample("headRoll"),
    }
