"""Which part of the picture belongs to whom: heads and shoulders around the faces, drawn into the grid of tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.types import Box, Face, Floats, FrameSize

# In heights or widths of the face, from the forehead to the chin: what hair, ears and shoulders take beyond it.
HAIR, EARS, NECK = 0.35, 0.2, 0.1
SHOULDERS_WIDE, SHOULDERS_DEEP = 2.4, 1.0

NOBODY = -1
# Larger than any distance.
FACE_FIRST = 1e6

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Grid:
    """Centres of the tokens, in the picture's pixels: a column of y and a row of x."""

    y: Floats
    x: Floats

    def is_in(self, box: Box) -> Masks:
        """Return which centres lie in a box (rows, columns)."""
        is_in_row = (box.x_min <= self.x) & (self.x <= box.x_max)
        return (box.y_min <= self.y) & (self.y <= box.y_max) & is_in_row


def draw_people(faces: Sequence[Face], size: FrameSize, token_side: int) -> Masks:
    """Say which tokens are whose. No token is anybody's twice, and everybody has at least one.

    Args:
        faces: Of everybody in the picture, in its pixels; no more than there are tokens.
        size: Of the picture.
        token_side: Pixels that a token is wide and high.

    Returns:
        Masks (people, rows, columns).
    """
    centers = (
        np.arange(side // token_side, dtype=np.float32) * token_side + token_side / 2
        for side in (size.height, size.width)
    )
    grid = _Grid(*np.meshgrid(*centers, indexing="ij", sparse=True))
    extents = [_find_extent(face) for face in faces]
    distances = np.stack([_measure_distance(extent, grid) for extent in extents])
    ranks = np.stack([_rank(extent, grid, distance) for extent, distance in zip(extents, distances, strict=True)])
    owner = np.where(np.isfinite(ranks).any(axis=0), ranks.argmin(axis=0), NOBODY)
    for person, distance in enumerate(distances):
        if not (owner == person).any():
            _give_one(owner, person, distance)
    masks: Masks = np.equal(owner, np.arange(len(faces))[:, None, None])
    return masks


def _find_extent(face: Face) -> Box:
    """Return the box around what was found of a face: by the detector and, where it is there, by the mesh."""
    box, points = face.box, face.landmarks[:, :2]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    if right <= left or bottom <= top:
        return box
    return Box(min(box.x_min, left), min(box.y_min, top), max(box.x_max, right), max(box.y_max, bottom))


def _measure_distance(face: Box, grid: _Grid) -> Floats:
    """Return how far tokens are from a face's centre, in pixels."""
    across, along = grid.x - (face.x_min + face.x_max) / 2, grid.y - (face.y_min + face.y_max) / 2
    distance: Floats = np.hypot(across, along)
    return distance


def _rank(face: Box, grid: _Grid, distance: Floats) -> Floats:
    """Return whose claim to a token is better, the smaller the better; infinite where there is none.

    A face comes before the hair and the shoulders of others. Otherwise the nearer face does: neighbours part in the
    middle.
    """
    center, width, height = (face.x_min + face.x_max) / 2, face.width, face.height
    head = Box(face.x_min - EARS * width, face.y_min - HAIR * height, face.x_max + EARS * width, face.y_max)
    half = SHOULDERS_WIDE * height / 2
    body = Box(center - half, face.y_max + NECK * height, center + half, face.y_max + SHOULDERS_DEEP * height)
    neck = Box(face.x_min, face.y_max, face.x_max, body.y_min)
    is_own = grid.is_in(head) | grid.is_in(neck) | grid.is_in(body)
    rank: Floats = np.where(is_own, distance, np.inf) - np.where(grid.is_in(face), FACE_FIRST, 0)
    return rank


def _give_one(owner: npt.NDArray[np.int64], person: int, distance: Floats) -> None:
    """Give somebody whose face is smaller than a token the nearest one, if it is not all that another has."""
    for index in np.argsort(distance, axis=None, kind="stable"):
        other = owner.flat[index]
        if other == NOBODY or np.count_nonzero(owner == other) > 1:
            owner.flat[index] = person
            return
