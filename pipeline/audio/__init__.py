"""From an uploaded recording to the speech that an engine gets, and to the sound that the video carries."""

from pipeline.audio.decode import Packing, has_picture, read_packing
from pipeline.audio.load import load_speech
from pipeline.audio.sound import choose_gain, read_sound
from pipeline.audio.speech import count_speech_seconds

__all__ = ["Packing", "choose_gain", "count_speech_seconds", "has_picture", "load_speech", "read_packing", "read_sound"]
