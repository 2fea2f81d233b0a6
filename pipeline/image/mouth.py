"""Whether a mouth is to be seen where the mesh puts one: it puts one on masks, hands and microphones as well."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.image.face import CHIN, HAIRLINE, LOWER_LIP, UPPER_LIP
from pipeline.types import Face, Floats, Pixels

_FACE_HEIGHT = 200.0
"""Hairline to chin, in pixels of the picture that is measured, so that one threshold serves faces of all sizes."""
_RIGHT_CORNER, _LEFT_CORNER = 61, 291
_AROUND_EYES = (9, 8, 168, 6, 151, 117, 346, 107, 336)
"""Where skin is to be seen above a mask."""
_ABOVE, _BELOW, _NUM_COLUMNS = 16, 17, 25
_PATCH = 5


@dataclass(frozen=True)
class MouthFacts:
    """What is measured across a mouth, from above the upper lip to below the lower one.

    Attributes:
        contrast: How much lighter and redder some of it is than the rest, in hundredths of the skin's lightness.
        strangeness: How far the colour around it is from the skin's around the eyes; 0 in a grey picture.
    """

    contrast: float
    strangeness: float


def measure_mouth(pixels: Pixels, face: Face) -> MouthFacts:
    """Measure a mouth in an RGB picture."""
    colors, points = _straighten(pixels, face)
    columns = _cut_columns(colors, points)
    profile = np.median(columns, axis=0)
    skin = np.median([_look_at(colors, points[index]) for index in _AROUND_EYES], axis=0)
    around = np.median(columns[:, [0, 1, 2, -3, -2, -1]].reshape(-1, 3), axis=0)
    ranges = np.ptp(profile, axis=0)
    lightness = max(float(skin[0]), float(around[0]), 10.0)
    return MouthFacts(
        contrast=100 * float(np.hypot(ranges[0], ranges[1])) / lightness,
        strangeness=float(np.linalg.norm((around - skin)[1:])),
    )


def _straighten(pixels: Pixels, face: Face) -> tuple[Floats, Floats]:
    """Return the face upright at one size in CIE-Lab, and the mesh on it."""
    points = face.landmarks[:, :2]
    upright = points[CHIN] - points[HAIRLINE]
    length = max(float(np.linalg.norm(upright)), 1.0)
    scale = _FACE_HEIGHT / length
    if scale < 0.5:  # warpAffine would skip pixels
        shrink = 2 * scale
        pixels = np.asarray(cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        points, scale = points * shrink, 0.5
    across, down = upright[::-1] / length * (1, -1), upright / length
    turn = scale * np.array([across, down], np.float32)
    center = (points[HAIRLINE] + points[CHIN]) / 2
    matrix = np.c_[turn, np.array([120, 130]) - turn @ center].astype(np.float32)
    square = cv2.warpAffine(pixels, matrix, (240, 260), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(square, (0, 0), 1)
    colors = cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return np.asarray(colors, np.float32), np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _cut_columns(colors: Floats, points: Floats) -> Floats:
    """Return colours (columns, rows, 3) across the mouth, each column from above it to below, along its curve."""
    right, left = points[_RIGHT_CORNER], points[_LEFT_CORNER]
    middle = (points[UPPER_LIP] + points[LOWER_LIP]) / 2
    share = np.linspace(0.15, 0.85, _NUM_COLUMNS)[:, None]
    bend = 2 * middle - (right + left) / 2
    curve = (1 - share) ** 2 * right + 2 * share * (1 - share) * bend + share**2 * left
    along = (left - right) / max(float(np.linalg.norm(left - right)), 1.0)
    steps = np.arange(-_ABOVE, _BELOW)[None, :, None] * np.array([-along[1], along[0]])
    places = (curve[:, None] + steps).astype(np.float32)
    columns = cv2.remap(colors, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(columns, np.float32)


def _look_at(colors: Floats, point: Floats) -> Floats:
    """Return the colour around a point."""
    height, width = colors.shape[:2]
    x, y = (int(np.clip(value, _PATCH, size - _PATCH - 1)) for value, size in zip(point, (width, height), strict=True))
    patch = colors[y - _PATCH : y + _PATCH + 1, x - _PATCH : x + _PATCH + 1]
    return np.asarray(np.median(patch.reshape(-1, 3), axis=0), np.float32)
