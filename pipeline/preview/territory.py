"""Shares the frame among the heads in it, so that none of them drags what belongs to another.

Between two faces that do not touch, the border runs midway. Where one covers the other, it follows the outline of the
nearer face. At a border nothing moves: there is nothing in a photo to show where a head has moved away from another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.image.face import CHIN, HAIRLINE
from pipeline.preview import mesh
from pipeline.preview.axes import Points, find_axes
from pipeline.preview.rig import place_hair
from pipeline.types import Face, Floats, FrameSize

_SURER = 0.01
"""By so much more must the detector score a face than another, to be taken for the one in front."""


def share_frame(speakers: Sequence[Face], bystanders: Sequence[Face], size: FrameSize) -> tuple[Floats | None, ...]:
    """Return each speaker's own part of the frame.

    Args:
        speakers: Faces that move, in pixels of the frame.
        bystanders: The other faces in the frame.
        size: Of the frame.

    Returns:
        For each speaker, how deep (height, width) each pixel lies in the speaker's part, in pixels; 0 and less belongs
        to others. None for a face that is alone.
    """
    faces = (*speakers, *bystanders)
    if len(faces) == 1:
        return (None,)
    outlines = [_measure_outline(face, size) for face in faces]
    return tuple(
        np.min([_measure_depths(own, other) for other in outlines if other is not own], axis=0)
        for own in outlines[: len(speakers)]
    )


@dataclass(frozen=True, eq=False)
class _Outline:
    """Where a head is.

    Attributes:
        score: The detector's confidence in the face.
        nearness: More for a face that seems nearer to the camera.
        to_face: Each pixel's distance (height, width) to the face's edge, negative inside.
        to_hair: The same for the face with the hair around it.
    """

    score: float
    nearness: float
    to_face: Floats
    to_hair: Floats


def _measure_outline(face: Face, size: FrameSize) -> _Outline:
    oval = face.landmarks[list(mesh.OVAL), :2]
    hair = place_hair(face.landmarks, find_axes(face.landmarks))
    # Who is nearer looks larger, and is lower in the picture.
    hairline, chin = face.landmarks[HAIRLINE, :2], face.landmarks[CHIN, :2]
    nearness = float(chin[1] + np.linalg.norm(chin - hairline))
    to_face, to_hair = (_measure_distances(points, size) for points in (oval, np.concatenate([oval, hair])))
    return _Outline(face.score, nearness, to_face, to_hair)


def _measure_distances(points: Points, size: FrameSize) -> Floats:
    """Return each pixel's distance (height, width) to the edge of what the points (n, 2) enclose, negative inside."""
    mask = np.zeros((size.height, size.width), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points).astype(np.int32)), (1,))
    outside, inside = (cv2.distanceTransform(part, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for part in (1 - mask, mask))
    return np.asarray(outside - inside, np.float32)


def _measure_depths(own: _Outline, other: _Outline) -> Floats:
    """Return how deep each pixel lies on a head's side of the border to another."""
    # The detector is less sure of a face that is partly covered: then it is the other's hair that may cover it.
    surer = own.score - other.score
    to_own = own.to_hair if surer > _SURER else own.to_face
    to_other = other.to_hair if surer < -_SURER else other.to_face
    to_middle = (to_other - to_own) / 2
    is_nearer = surer > 0 if abs(surer) > _SURER else own.nearness > other.nearness
    return np.maximum(to_middle, -to_own) if is_nearer else np.minimum(to_middle, to_other)
