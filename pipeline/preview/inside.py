"""Paints what an opened mouth shows: dark, a tongue below, and the upper teeth where the photo hides them."""

from dataclasses import dataclass

import numpy as np

from pipeline.preview.rig import Mouth
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, Pixels

_DARK = np.array([74, 28, 26], np.float32)
_GUMS = np.array([120, 54, 50], np.float32)
_TONGUE = np.array([176, 88, 84], np.float32)
_TEETH = np.array([240, 229, 212], np.float32)
_BRIGHTEST_TEETH = 1.1
_NORMAL_SKIN = np.array([205, 165, 145], np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TINT = 0.35
"""How much of the skin's own colour cast the mouth takes on; the rest of its tone is the person's, not the light's."""


@dataclass(frozen=True)
class Palette:
    """The colours of a mouth's inside in the photo's light.

    Attributes:
        edge: Where it begins at the lips or at the photo's own teeth (3,).
        deep: In the middle (3,).
        tongue: Of the tongue (3,).
        teeth: Of the teeth (3,).
    """

    edge: Floats
    deep: Floats
    tongue: Floats
    teeth: Floats


def mix_palette(cheeks: Pixels, between_lips: Pixels) -> Palette:
    """Choose the colours from pixels (n, 3) of the cheeks, and of what the photo shows between the lips."""
    skin = cheeks.reshape(-1, 3).mean(axis=0)
    skin_luma, normal_luma = max(float(skin @ _LUMA), 1.0), float(_NORMAL_SKIN @ _LUMA)
    cast = (skin / skin_luma) / (_NORMAL_SKIN / normal_luma)
    light = float(np.clip(skin_luma / normal_luma, 0.3, 1.12)) * np.clip(cast, 0.6, 1.5) ** _TINT
    # Teeth in the photo are in the light, and so is what lies below them; a dark mouth stays dark.
    toothy = float(ramp((float((between_lips @ _LUMA).mean()) / skin_luma - 0.5) / 0.3))
    edge = 0.6 * _DARK + toothy * (_GUMS - 0.6 * _DARK)
    # Teeth are whiter than the skin around them but hardly brighter, or they would glow.
    teeth = _TEETH * light * min(1.0, _BRIGHTEST_TEETH * skin_luma / float(_TEETH * light @ _LUMA))
    return Palette(*(color.astype(np.float32) for color in (edge * light, _DARK * light, _TONGUE * light, teeth)))


def paint_inside(u: Floats, below_upper: Floats, above_lower: Floats, mouth: Mouth, palette: Palette) -> Floats:
    """Return the colour (height, width, 3) of each pixel between the lips.

    Args:
        u: Place along the mouth, -1 to 1 (height, width).
        below_upper: Mouth widths below the upper lip's edge, or below the photo's own teeth.
        above_lower: Mouth widths above the lower lip's edge.
        mouth: In the photo.
        palette: Its colours.
    """
    opening = np.maximum(below_upper + above_lower, 0)
    color = _mix(palette.edge, palette.deep, ramp(np.minimum(below_upper, above_lower) / 0.10))
    round_off = np.clip(1 - (u / 0.8) ** 2, 0, 1)
    tongue = ramp((0.15 - above_lower) / 0.12) * ramp((opening - 0.08) / 0.12) * round_off
    color = _mix(color, palette.tongue * (0.75 + 0.25 * round_off)[..., None], 0.7 * tongue)
    if not mouth.gap:
        color = _mix(color, _shade_teeth(u, below_upper, palette.teeth), _place_teeth(u, below_upper, opening))
    return color


def _place_teeth(u: Floats, below_upper: Floats, opening: Floats) -> Floats:
    """Return how much of a tooth each pixel is: a band that ends in a soft edge and thins out to the corners."""
    length = 0.085 * np.sqrt(np.clip(1 - (u / 0.82) ** 2, 0, 1))
    return np.asarray(0.92 * ramp((length - below_upper) / 0.025) * ramp((opening - 0.035) / 0.06))


def _shade_teeth(u: Floats, below_upper: Floats, color: Floats) -> Floats:
    under_lip = 0.62 + 0.38 * ramp(below_upper / 0.05)
    around = 1 - 0.55 * u**2
    between = 1 - 0.07 * np.cos(3.5 * np.pi * u) ** 8
    return np.asarray(color * (under_lip * around * between)[..., None])


def _mix(below: Floats, above: Floats, share: Floats) -> Floats:
    return np.asarray(below + (above - below) * share[..., None])
