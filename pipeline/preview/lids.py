"""Shuts the eyes: paints a lid in the colours of the skin around it, with its lashes, over an eye that stays still.

A lid is painted rather than pulled down from the photo: the skin above an eye lies in shadow, and stretching it also
drags lashes, make-up and the rims of spectacles over the eye.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.preview import mesh
from pipeline.preview.axes import Points
from pipeline.preview.remap import remap
from pipeline.preview.rig import Region
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, Pixels

_SAMPLES = 24
_ABOVE, _BELOW = 0.13, 0.17
"""Where the skin's colour is taken, in eye widths from the lids' edges."""
_OVERLAP = 0.03
"""How far a shut lid lies over the lower one."""
_LASHES = 0.028
"""Thickness of the line of lashes, in eye widths."""


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
        skin_above: Colours (samples, 3) of the skin above it, from corner to corner.
        skin_below: The same below it.
    """

    corner: Points
    along: Points
    down: Points
    width: float
    upper: tuple[Points, Points]
    lower: tuple[Points, Points]
    skin_above: Floats
    skin_below: Floats


def find_eyes(photo: Pixels, landmarks: Floats) -> tuple[Eye, ...]:
    """Measure both eyes on a mesh (478, 3) of a photo."""
    return tuple(_measure(photo, landmarks[list(upper), :2], landmarks[list(lower), :2]) for upper, lower in mesh.EYES)


def _measure(photo: Pixels, upper: Floats, lower: Floats) -> Eye:
    corner = upper[0].astype(np.float64)
    across = upper[-1] - corner
    width = max(float(np.linalg.norm(across)), 1.0)
    along = across / width
    down = np.array([-along[1], along[0]])
    upper_line, lower_line = (((line - corner) @ along, (line - corner) @ down) for line in (upper, lower))
    x = np.linspace(0.1, 0.9, _SAMPLES) * width
    soft = np.asarray(cv2.GaussianBlur(photo, (0, 0), max(0.06 * width, 0.5)))

    def sample(y: Points) -> Floats:
        places = corner + x[:, None] * along + y[:, None] * down
        return np.asarray(remap(soft, places[None].astype(np.float32), cv2.INTER_LINEAR)[0], np.float32)

    above = sample(np.interp(x, *upper_line) - _ABOVE * width)
    below = sample(np.interp(x, *lower_line) + _BELOW * width)
    return Eye(corner, along, down, width, upper_line, lower_line, above, below)


def shut_lids(frame: Pixels, sources: Floats, head: Region, eyes: tuple[Eye, ...], blink: float) -> None:
    """Paint the lids into a frame, which is changed.

    Args:
        frame: RGB (height, width, 3).
        sources: For each pixel of the head (height, width, 2), the pixel of the photo that shows there.
        head: Which part of the frame that is.
        eyes: In the photo.
        blink: 0 open to 1 shut.
    """
    for eye in eyes:
        around = _surround(eye, head)
        part = frame[around.slices]
        if part.size:
            part[:] = _paint(part.astype(np.float32), sources[around.inside(head)], eye, blink)


def _surround(eye: Eye, head: Region) -> Region:
    # The head has moved a little by now: leave room for that.
    middle = eye.corner + eye.along * eye.width / 2
    reach = eye.width * np.array([0.75, 0.6])
    low, high = (
        np.clip(edge, (head.left, head.top), (head.right, head.bottom)).astype(int)
        for edge in (middle - reach, middle + reach)
    )
    return Region(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _paint(part: Floats, sources: Floats, eye: Eye, blink: float) -> Pixels:
    offset = sources - eye.corner
    x, y = offset @ eye.along, offset @ eye.down
    upper, lower = np.interp(x, *eye.upper), np.interp(x, *eye.lower)
    arch = np.clip(4 * x * (eye.width - x) / eye.width**2, 0, 1)
    drop = np.maximum(lower - upper + _OVERLAP * eye.width, 0) * np.sqrt(arch)
    edge = upper + blink * drop
    # The lid begins softly above the photo's own lashes, which it hides, and ends sharply.
    begins = ramp((y - upper) / (0.10 * eye.width) + 1.4)
    cover = begins * np.clip(edge - y + 0.5, 0, 1) * ramp(arch / 0.25)
    part += (_color(x, (y - upper) / np.maximum(drop, 1), eye) - part) * cover[..., None]
    lashes = np.exp(-(((y - edge) / (_LASHES * eye.width)) ** 2)) * ramp(arch / 0.5)
    part *= 1 - (0.45 * min(1.0, 4 * blink) * lashes)[..., None]
    return np.asarray(np.clip(part + 0.5, 0, 255).astype(np.uint8))


def _color(x: Points, depth: Points, eye: Eye) -> Points:
    """Return the lid's colour: the skin's above it turning into the skin's below, rounded by a little shade."""
    places = np.linspace(0.1, 0.9, _SAMPLES) * eye.width
    above, below = (
        np.stack([np.interp(x, places, skin[:, channel]) for channel in range(3)], axis=-1)
        for skin in (eye.skin_above, eye.skin_below)
    )
    share = (0.35 + 0.65 * ramp(depth))[..., None]
    shade = 1 - 0.10 * (2 * np.clip(depth, 0, 1) - 1)[..., None] ** 2
    return np.asarray((above + (below - above) * share) * shade)
