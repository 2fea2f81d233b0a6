"""Shuts the eyes: the skin of the upper lid slides down over an eye that stays where it is."""

from dataclasses import dataclass

import numpy as np

from pipeline.preview import mesh
from pipeline.preview.axes import Points
from pipeline.preview.rig import Region
from pipeline.types import Floats

_BAND = 0.13
"""Skin above the lashes that is stretched over the eye, in eye widths: too narrow to reach brows and spectacle rims."""
_LASHES = 0.035
"""The lowest part of it, which slides without being stretched."""
_OVERLAP = 0.05
"""How far a shut lid lies over the lower one."""


@dataclass(frozen=True)
class Eye:
    """An eye in the photo.

    Attributes:
        corner: Its left corner in pixels (2,).
        along: Unit vector to its right corner.
        down: Unit vector across it.
        width: Corner to corner in pixels.
        upper: Pixels along and down of the upper lid's points.
        lower: The same of the lower lid.
    """

    corner: Points
    along: Points
    down: Points
    width: float
    upper: tuple[Points, Points]
    lower: tuple[Points, Points]


def find_eyes(landmarks: Floats) -> tuple[Eye, ...]:
    """Measure both eyes on a mesh (478, 3)."""
    return tuple(_measure(landmarks[list(upper), :2], landmarks[list(lower), :2]) for upper, lower in mesh.EYES)


def _measure(upper: Floats, lower: Floats) -> Eye:
    corner = upper[0].astype(np.float64)
    across = upper[-1] - corner
    width = max(float(np.linalg.norm(across)), 1.0)
    along = across / width
    down = np.array([-along[1], along[0]])
    upper_line, lower_line = (((line - corner) @ along, (line - corner) @ down) for line in (upper, lower))
    return Eye(corner, along, down, width, upper_line, lower_line)


def shut_lids(sources: Floats, head: Region, eyes: tuple[Eye, ...], blink: float) -> None:
    """Change where the pixels around the eyes are taken from.

    Args:
        sources: For each pixel of the head (height, width, 2), the pixel of the photo that shows there; changed.
        head: Which part of the frame that is.
        eyes: In the photo.
        blink: 0 open to 1 shut.
    """
    for eye in eyes:
        around = _surround(eye, head)
        part = sources[around]
        if part.size:
            part += _slide(part, eye, blink)


def _surround(eye: Eye, head: Region) -> tuple[slice, slice]:
    # The head has moved a little by now: leave room for that.
    middle = eye.corner + eye.along * eye.width / 2
    low = np.maximum(middle - eye.width * np.array([0.75, 0.55]), (head.left, head.top)).astype(int)
    high = np.maximum(
        np.minimum(middle + eye.width * np.array([0.75, 0.55]), (head.right, head.bottom)).astype(int), low
    )
    return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1])).inside(head)


def _slide(part: Floats, eye: Eye, blink: float) -> Floats:
    offset = part - eye.corner
    x, y = offset @ eye.along, offset @ eye.down
    upper, lower = np.interp(x, *eye.upper), np.interp(x, *eye.lower)
    middle = np.clip(4 * x * (eye.width - x) / eye.width**2, 0, 1)
    drop = np.maximum(lower - upper + _OVERLAP * eye.width * middle, 0) * np.sqrt(middle).clip(0, 1) * blink
    lashes, top = upper - _LASHES * eye.width, upper - _BAND * eye.width
    edge = upper + drop
    # Between the fold and the lashes the skin is stretched; the lashes ride on the edge.
    share = (y - top) / np.maximum(lashes + drop - top, 1e-3)
    stretched = top + share * (lashes - top)
    source = np.where(y < lashes + drop, stretched, y - drop)
    shift = np.where((y > top) & (y < edge), source - y, 0.0)
    return np.asarray(shift[..., None] * eye.down, dtype=np.float32)
