"""Opens files from strangers in processes of their own, with limits of memory and time."""

from app.decoding.decoders import Decoders
from app.decoding.messages import CheckedRequest, DecoderSettings, FoundWatermark, HeardVoice, IdentifiedFile, Medium

__all__ = ["CheckedRequest", "DecoderSettings", "Decoders", "FoundWatermark", "HeardVoice", "IdentifiedFile", "Medium"]
