"""The CPU preview: the photo's mouth moves in time with the voice. It shows timing and framing, nothing more."""

from pipeline.preview.engine import PreviewEngine

__all__ = ["PreviewEngine"]
