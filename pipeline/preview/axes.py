"""Coordinates that lie on the face, so that one set of numbers moves every mouth."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.image.face import CHIN, HAIRLINE
from pipeline.preview import mesh
from pipeline.types import Floats

Points = npt.NDArray[np.floating]


@dataclass(frozen=True)
class MouthAxes:
    """Where the mouth is and how large.

    Attributes:
        origin: Between the lips' middles, in pixels (2,).
        along: Unit vector from the mouth's left to its right (2,).
        down: Unit vector from the hairline to the chin (2,).
        left_width: Pixels from the origin to the left corner, along `along`.
        right_width: The same to the right corner; they differ on a turned face.
        mouth_width: Distance of the corners in three dimensions, so that a turned face keeps its scale.
        face_height: Hairline to chin in pixels.
    """

    origin: Points
    along: Points
    down: Points
    left_width: float
    right_width: float
    mouth_width: float
    face_height: float

    def to_mouth(self, points: Points) -> tuple[Points, Points]:
        """Return u, -1 at the left corner and 1 at the right, and v, mouth widths below the origin."""
        kind = points.dtype.type
        offset = points - self.origin.astype(kind)
        x, y = offset @ self.along.astype(kind), offset @ self.down.astype(kind)
        return x / np.where(x < 0, kind(self.left_width), kind(self.right_width)), y / kind(self.mouth_width)

    @cached_property
    def half_width(self) -> float:
        """Mean of the two halves in pixels."""
        return (self.left_width + self.right_width) / 2


def find_axes(landmarks: Floats) -> MouthAxes:
    """Measure the axes on a mesh (478, 3)."""
    points = landmarks[:, :2].astype(np.float64)
    upright = points[CHIN] - points[HAIRLINE]
    face_height = float(np.linalg.norm(upright))
    down = upright / face_height
    along = np.array([down[1], -down[0]])
    origin = (points[mesh.UPPER_LIP_CENTER] + points[mesh.LOWER_LIP_CENTER]) / 2
    mouth_width = float(np.linalg.norm(landmarks[mesh.RIGHT_CORNER] - landmarks[mesh.LEFT_CORNER]))
    # A corner that hides behind a turned mouth still gets a sliver to move in.
    least = 0.15 * mouth_width
    left_width = max(float((origin - points[mesh.LEFT_CORNER]) @ along), least)
    right_width = max(float((points[mesh.RIGHT_CORNER] - origin) @ along), least)
    return MouthAxes(origin, along, down, left_width, right_width, mouth_width, face_height)
