"""Put the mark into frames."""

import cv2
import numpy as np

from pipeline.types import Floats, FrameSize, Pixels
from pipeline.watermark.carriers import draw
from pipeline.watermark.payload import Payload

_DETAIL = (0.0, 1.2, 12.5, 20.0)
STRENGTHS = (0.7, 1.25, 1.25, 2.0)
"""Grey levels, root mean square, at so much mean detail around a pixel: in what was drawn without any grain, in even
places of a photo, and from there to busy ones, a tenth of the detail."""
_REFRESH = 8
"""Frames after which the strength is measured again."""
_COARSE = 4


class Embedder:
    """Marks a video's frames, batch after batch.

    Args:
        size: Of every frame.
        payload: What the mark says.
    """

    def __init__(self, size: FrameSize, payload: Payload) -> None:
        self._pattern = draw(payload, size)
        self._num_frames = 0
        self._lighter = self._darker = np.zeros((size.height, size.width, 3), np.uint8)

    def mark(self, frames: Pixels) -> Pixels:
        """Return frames (n, height, width, 3), RGB, with the mark."""
        marked = np.empty(frames.shape, np.uint8)
        for frame, target in zip(frames, marked, strict=True):
            if self._num_frames % _REFRESH == 0:
                self._refresh(frame)
            cv2.add(frame, self._lighter, dst=target)
            cv2.subtract(target, self._darker, dst=target)
            self._num_frames += 1
        return marked

    def _refresh(self, frame: Pixels) -> None:
        """Fit the mark to what a frame shows."""
        change = np.rint(self._pattern * measure_strength(frame))
        self._lighter, self._darker = _to_rgb(np.maximum(change, 0)), _to_rgb(np.maximum(-change, 0))


def measure_strength(frame: Pixels) -> Floats:
    """Return how strong the mark may be at each pixel (height, width) of a frame, in grey levels."""
    height, width = frame.shape[:2]
    coarse = cv2.resize(frame, (-(-width // _COARSE), -(-height // _COARSE)), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(coarse, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.GaussianBlur(abs(grey - cv2.GaussianBlur(grey, (0, 0), 3)), (0, 0), 3)
    strength = np.interp(detail, _DETAIL, STRENGTHS).astype(np.float32)
    return np.asarray(cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR))


def _to_rgb(levels: Floats) -> Pixels:
    return np.asarray(cv2.cvtColor(levels.astype(np.uint8), cv2.COLOR_GRAY2RGB))
