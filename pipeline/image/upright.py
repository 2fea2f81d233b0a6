"""Turns a photo that lies on its side or upside down, and whose file does not say so."""

from dataclasses import dataclass

import numpy as np

from pipeline.image.face import FaceFinder
from pipeline.types import Face, Pixels

DOUBTFUL_SCORE = 0.9
CLEARER_BY = 0.04
"""A face that scores less than the first, and by the second less than one in the turned photo, is no face."""


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
    """Return after how many quarter turns a face scores clearly more than that, or 0."""
    scores = {quarters: finder.score(turn(pixels, quarters)) for quarters in (1, 2, 3)}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > score + CLEARER_BY else 0
