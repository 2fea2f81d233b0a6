"""Measures in the frames of a video how much each mouth moves while its owner speaks, and while others do."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.image.face import FaceFinder
from pipeline.preview.mesh import OVAL
from pipeline.types import FRAME_RATE, Face, Pixels
from tests.sync import measure_opening

Spans = Sequence[tuple[float, float]]
_LATE_SECONDS = 0.2
"""A mouth begins to open so much before its turn, and shuts as much after it."""


@dataclass(frozen=True)
class Motion:
    """How a mouth moves.

    Attributes:
        inside: Mean change of the gap between the inner lips from one frame to the next, in thousandths of the face's
            height, in the turns of whom it belongs to; 0 where there are none.
        outside: The same in the rest of the video.
    """

    inside: float
    outside: float


def measure_motion(frames: Pixels, faces: Sequence[Face], turns: Sequence[Spans]) -> list[Motion]:
    """Find the lips again in RGB frames (n, height, width, 3).

    Args:
        frames: Of the whole video.
        faces: In pixels of its first frame.
        turns: From when to when, in seconds, each of them speaks.
    """
    return [_measure(frames, face, spans) for face, spans in zip(faces, turns, strict=True)]


def _measure(frames: Pixels, face: Face, spans: Spans) -> Motion:
    finder = FaceFinder()
    # From the same place each time: the net's answer depends a little on where it looks.
    openings = [measure_opening(finder.track(frame, face.landmarks)) for frame in frames]
    changes = 1000 * np.abs(np.diff(openings))
    times = np.arange(1, len(frames)) / FRAME_RATE
    inside = np.zeros(len(changes), bool)
    for start, end in spans:
        inside |= (times > start - _LATE_SECONDS) & (times < end + _LATE_SECONDS)
    return Motion(*(float(changes[part].mean()) if part.any() else 0.0 for part in (inside, ~inside)))


def measure_change(frames: Pixels, face: Face) -> float:
    """Return by how much a face's pixels differ at most from the first frame's, 0 to 255, on average over the face.

    It needs no net: what really keeps still has 0, and a few levels once it has been encoded.
    """
    mask = np.zeros(frames.shape[1:3], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(face.landmarks[list(OVAL), :2].round().astype(np.int32)), (1,))
    first = frames[0][mask > 0].astype(int)
    return max(float(np.abs(frame[mask > 0] - first).mean()) for frame in frames)
