"""Scenes for engines, made of the examples."""

from functools import cache
from pathlib import Path

import numpy as np

from pipeline.audio import load_speech
from pipeline.engines import get_profile
from pipeline.image import prepare_portrait
from pipeline.profiles import Sampling
from pipeline.request import Aspect, Framing
from pipeline.scene import Scene, Speaker, Still, count_frames
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Floats, Portrait, Sound, Speech
from tests.photos import HOPPER

JOE = Path("assets/voices/joe.wav").resolve()
HIBARI = Path("assets/voices/hibari.wav").resolve()


@cache
def load_portrait(photo: Path = HOPPER, aspect: Aspect = "16:9") -> Portrait:
    """Return the portrait of an example photo."""
    return prepare_portrait(photo, Framing(aspect=aspect), "480p")


@cache
def load_voice(voice: Path = JOE, seconds: float | None = None) -> Speech:
    """Return an example voice, or its beginning."""
    return load_speech(voice, 0.0, seconds)


def make_speech(waveform: Floats, activity: float | Floats = 1.0) -> Speech:
    """Return a voice of these samples, with this probability of speech."""
    seconds = len(waveform) / SPEECH_SAMPLING_RATE
    num_frames = count_frames(len(waveform), FRAME_RATE)
    probability = np.broadcast_to(np.float32(activity), num_frames).astype(np.float32)
    return Speech(waveform.astype(np.float32), Sound(JOE, 0.0, seconds), seconds, probability)


def make_scene(portrait: Portrait, speech: Speech, seed: int = 1) -> Scene:
    """Return a scene for the preview."""
    return Scene(
        Still(portrait.frame),
        (Speaker(portrait.face, speech.waveform, speech.activity),),
        speech.sound,
        FRAME_RATE,
        len(speech.activity),
        "",
        seed,
        get_profile("preview"),
        Sampling(0, 1.0, 1.0),
    )
