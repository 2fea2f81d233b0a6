"""From an uploaded recording to the speech that an engine gets, and to the sound that the video carries."""

from pipeline.audio.decode import Packing, read_packing
from pipeline.audio.load import load_speech
from pipeline.audio.sound import read_sound

__all__ = ["Packing", "load_speech", "read_packing", "read_sound"]
