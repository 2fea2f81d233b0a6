"""Turns a photo that lies on its side or upside down, and whose file does not say so."""

from dataclasses import dataclass

import numpy as np

from pipeline.image.face import FaceFinder
from pipeline.types import Face, Pixels

DOUBTFUL_SCORE = 0.9
CLEARER_BY = {1: 0.04, 2: 0.02, 3: 0.04}
"""A face that scores less than the first, and by this less than one in the photo after so many quarter turns, is no
face. A head that leans by 45 degrees is as clear after one; none that is upright is clearer upside down."""


@dataclass(frozen=True)
class UprightPhoto:
    """A photo as people look at it.

    Attributes:
        pixels: RGB (height, width, 3).
        faces: Found in it, the largest first.
        quarter_turns: How often it was turned for that, by 90 degrees counterclockwise.
    """

    pixels: Pixels
    faces: tuple[Face, ...]
    quarter_turns: int


def find_upright(finder: FaceFinder, pixels: Pixels) -> UprightPhoto:
    """Find the faces; where there is none, or a doubtful one, turn the photo to where there is a clearer one."""
    faces = finder.find(pixels)
    score = max((face.score for face in faces), default=0.0)
    quarter_turns = _find_clearer(finder, pixels, score) if score < DOUBTFUL_SCORE else 0
    if not quarter_turns:
        return UprightPhoto(pixels, faces, 0)
    turned = turn(pixels, quarter_turns)
    return UprightPhoto(turned, finder.find(turned), quarter_turns)


def turn(pixels: Pixels, quarter_turns: int) -> Pixels:
    """Return a picture turned by so many times 90 degrees counterclockwise."""
    return np.ascontiguousarray(np.rot90(pixels, quarter_turns))


def _find_clearer(finder: FaceFinder, pixels: Pixels, score: float) -> int:
    """Return after how many quarter turns a face scores most, and clearly more than that, or 0."""
    scores = {quarters: finder.score(turn(pixels, quarters)) for quarters in CLEARER_BY}
    clearer = [quarters for quarters, least in CLEARER_BY.items() if scores[quarters] > score + least]
    return max(clearer, key=scores.__getitem__, default=0)
