"""A few words in a corner of the picture, on a dark pill that keeps them readable whatever is behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.types import Box, Face, Floats, FrameSize, Pixels

MADE, CHANGED = "AI generated", "AI modified"
"""In the words of the European Union's labels, as "AI" is understood in every language: what a model has painted, and a
photo that was set in motion."""

Corner = Literal["top right", "top left", "bottom right", "bottom left"]
_CORNERS: tuple[Corner, ...] = ("top right", "top left", "bottom right", "bottom left")
"""The first one is where the European Union's code of practice suggests it; below lie players' buttons and captions."""
_SHARE_OF_SIDE = 0.055
"""Height of a pill, of the frame's shorter side."""
_LARGER, _SHARE_OF_WIDTH = 1.2, 0.05
"""How much higher the label is, and its least share of the width: a wide video is small on an upright phone."""
_OPACITY = 205
_GAP = 0.6
"""Between pill and edge, as a share of the pill's height."""
_ROOM = 0.2
"""How far a face may move, as a share of its size."""
_OVERSAMPLING = 4


@dataclass(frozen=True)
class Label:
    """A translucent pill with words, in its place.

    Attributes:
        left: Pixels from the frame's left edge.
        top: Pixels from its top.
        color: RGB (height, width, 3), already weighed with the cover.
        clear: What shows through (height, width, 1), 0 to 1.
    """

    left: int
    top: int
    color: Floats
    clear: Floats

    def draw(self, frame: Pixels) -> None:
        """Blend it into a frame, which is changed."""
        height, width = self.clear.shape[:2]
        part = frame[self.top : self.top + height, self.left : self.left + width]
        part[:] = (part * self.clear + self.color + 0.5).astype(np.uint8)


def make_label(size: FrameSize, faces: Sequence[Face], *, draft: bool) -> Label:
    """Say in frames of a size that they are made by a computer, in the corner with the least of a face.

    Args:
        size: Of the frames.
        faces: All that are in the frame, in its pixels.
        draft: Whether it is a preview, which has a word of its own at the bottom left.
    """
    height = round(max(_SHARE_OF_WIDTH * size.width, _LARGER * find_height(size)))
    pill = draw_pill(CHANGED if draft else MADE, height, _OPACITY)
    corners = _CORNERS[:-1] if draft else _CORNERS
    return min((place_pill(pill, corner, size) for corner in corners), key=lambda label: _measure_cover(label, faces))


def find_height(size: FrameSize) -> int:
    """Return the height of a pill in frames of that size."""
    return max(18, round(_SHARE_OF_SIDE * min(size.width, size.height)))


def draw_pill(text: str, height: int, opacity: int) -> Image.Image:
    """Draw words on a pill.

    Args:
        text: The words.
        height: In pixels; the width follows from the words.
        opacity: How much the pill covers, 0 to 255.

    Returns:
        The picture, RGBA.
    """
    # Drawn large and shrunk: Pillow's shapes have no soft edges of their own.
    large = height * _OVERSAMPLING
    font = ImageFont.load_default(size=0.56 * large)
    width = round((font.getlength(text) + 0.9 * large) / _OVERSAMPLING)
    pill = Image.new("RGBA", (width * _OVERSAMPLING, large), (20, 20, 24, 0))
    draw = ImageDraw.Draw(pill)
    draw.rounded_rectangle((0, 0, pill.width - 1, large - 1), radius=large / 2, fill=(20, 20, 24, opacity))
    layer = Image.new("RGBA", pill.size, (255, 255, 255, 0))
    ImageDraw.Draw(layer).text((pill.width / 2, large / 2), text, font=font, fill=(255, 255, 255, 235), anchor="mm")
    pill.alpha_composite(layer)
    return pill.resize((width, height), Image.Resampling.LANCZOS)


def place_pill(pill: Image.Image, corner: Corner, size: FrameSize) -> Label:
    """Put a pill into a corner of frames of that size."""
    margin = round(_GAP * pill.height)
    rgba = np.asarray(pill, np.float32)
    cover: Floats = rgba[..., 3:] / np.float32(255)
    color: Floats = rgba[..., :3] * cover
    left = margin if "left" in corner else size.width - margin - pill.width
    top = margin if "top" in corner else size.height - margin - pill.height
    return Label(left, top, color, np.ones_like(cover) - cover)


def _measure_cover(label: Label, faces: Sequence[Face]) -> tuple[float, float]:
    """Return how many pixels it covers of faces, and of where they may move."""
    height, width = label.clear.shape[:2]
    box = Box(label.left, label.top, label.left + width, label.top + height)
    still, moving = (sum(_measure_overlap(box, face.box, room) for face in faces) for room in (0.0, _ROOM))
    return still, moving


def _measure_overlap(box: Box, face: Box, room: float) -> float:
    room_x, room_y = room * face.width, room * face.height
    width = min(box.x_max, face.x_max + room_x) - max(box.x_min, face.x_min - room_x)
    height = min(box.y_max, face.y_max + room_y) - max(box.y_min, face.y_min - room_y)
    return max(width, 0.0) * max(height, 0.0)
