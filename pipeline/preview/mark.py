"""The word in the corner that keeps anyone from taking the preview for the video."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.types import Floats, FrameSize, Pixels

TEXT = "Preview"
_OVERSAMPLING = 4


@dataclass(frozen=True)
class Mark:
    """A translucent pill with a word.

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


def make_mark(size: FrameSize) -> Mark:
    """Draw the mark for frames of a size, in their lower left corner."""
    height = max(18, round(0.055 * min(size.width, size.height)))
    pill = _draw_pill(height)
    margin = round(0.6 * height)
    rgba = np.asarray(pill, np.float32)
    cover: Floats = rgba[..., 3:] / np.float32(255)
    color: Floats = rgba[..., :3] * cover
    return Mark(margin, size.height - margin - pill.height, color, np.ones_like(cover) - cover)


def _draw_pill(height: int) -> Image.Image:
    # Drawn large and shrunk: Pillow's shapes have no soft edges of their own.
    large = height * _OVERSAMPLING
    font = ImageFont.load_default(size=0.56 * large)
    text_width = font.getlength(TEXT)
    width = round((text_width + 0.9 * large) / _OVERSAMPLING)
    pill = Image.new("RGBA", (width * _OVERSAMPLING, large), (20, 20, 24, 0))
    draw = ImageDraw.Draw(pill)
    draw.rounded_rectangle((0, 0, pill.width - 1, large - 1), radius=large / 2, fill=(20, 20, 24, 140))
    layer = Image.new("RGBA", pill.size, (255, 255, 255, 0))
    ImageDraw.Draw(layer).text((pill.width / 2, large / 2), TEXT, font=font, fill=(255, 255, 255, 235), anchor="mm")
    pill.alpha_composite(layer)
    return pill.resize((width, height), Image.Resampling.LANCZOS)
