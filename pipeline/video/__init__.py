"""Frames and sound become a video."""

from pipeline.video.background import BackgroundWriter
from pipeline.video.label import Label, make_label
from pipeline.video.poster import write_poster
from pipeline.video.writer import VideoWriter

__all__ = ["BackgroundWriter", "Label", "VideoWriter", "make_label", "write_poster"]
