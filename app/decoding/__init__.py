"""Files that strangers send are opened in processes of their own, with limits of memory and time."""

from app.decoding.decoders import Decoders
from app.decoding.messages import CheckedRequest, HeardVoice

__all__ = ["CheckedRequest", "Decoders", "HeardVoice"]
