"""A mark in the picture that is not seen, and survives what strips a file's metadata."""

from pipeline.watermark.embed import Embedder
from pipeline.watermark.payload import Payload
from pipeline.watermark.read import Reader, Reading, has_mark, read_mark

__all__ = ["Embedder", "Payload", "Reader", "Reading", "has_mark", "read_mark"]
