"""The word in the corner that keeps anyone from taking the preview for the video."""

from pipeline.types import FrameSize
from pipeline.video.label import Label, draw_pill, find_height, place_pill

TEXT = "Preview"
_OPACITY = 140


def make_mark(size: FrameSize) -> Label:
    """Draw the mark for frames of a size, in their lower left corner."""
    return place_pill(draw_pill(TEXT, find_height(size), _OPACITY), "bottom left", size)
