"""From an uploaded recording to the speech that an engine gets, and to the sound that the video carries."""

from pipeline.audio.load import load_speech
from pipeline.audio.sound import read_sound

__all__ = ["load_speech", "read_sound"]
