"""What of a picture may be the mark: whatever is large or strong is taken away."""

import cv2
import numpy as np

from pipeline.types import Floats, FrameSize, Pixels

SIDE = 400
"""Square root of the area, in pixels, at which pictures are read."""
_SMOOTH, _AROUND = 3.0, 3.0
_NOISE = 1.0
"""Variance, in grey levels, that coding leaves in even places."""


def choose_size(frame: Pixels) -> FrameSize:
    """Return the size at which frames like this one are read."""
    height, width = frame.shape[:2]
    scale = SIDE / np.sqrt(width * height)
    return FrameSize(max(1, round(width * scale)), max(1, round(height * scale)))


def make_residual(frame: Pixels, size: FrameSize) -> Floats:
    """Return the fine detail (height, width) of a frame (h, w, 3), RGB, at a size, divided by its variance there.

    This is a matched filter: the mark is about as strong everywhere, and the picture its noise.
    """
    grey = _resize(np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8), size).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), _SMOOTH)
    return np.asarray(detail / (cv2.GaussianBlur(detail * detail, (0, 0), _AROUND) + _NOISE))


def _resize(grey: Pixels, size: FrameSize) -> Pixels:
    is_larger = grey.size > size.width * size.height
    kind = cv2.INTER_AREA if is_larger else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, (size.width, size.height), interpolation=kind))
