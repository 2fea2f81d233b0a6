"""Paints what an opened mouth shows: dark, a tongue below, and the upper teeth where the photo hides them."""

import numpy as np

from pipeline.preview.rig import Mouth
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, Pixels

_DARK = np.array([74, 28, 26], np.float32)
_GUMS = np.array([120, 54, 50], np.float32)
_TONGUE = np.array([176, 88, 84], np.float32)
_TEETH = np.array([240, 229, 212], np.float32)
_NORMAL_SKIN = np.array([205, 165, 145], np.float32)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_TINT = 0.35
"""How much of the skin's own colour cast the mouth takes on; the rest of its tone is the person's, not the light's."""


def measure_light(skin: Pixels) -> Floats:
    """Return the scene's light (3,), about 1 for a well lit fair face, from pixels (n, 3) of its cheeks."""
    mean = skin.reshape(-1, 3).mean(axis=0)
    brightness = np.clip(float(mean @ _LUMA) / float(_NORMAL_SKIN @ _LUMA), 0.3, 1.12)
    cast = mean / max(float(mean @ _LUMA), 1.0) / (_NORMAL_SKIN / (_NORMAL_SKIN @ _LUMA))
    return np.asarray(brightness * np.clip(cast, 0.6, 1.5) ** _TINT, dtype=np.float32)


def paint_inside(u: Floats, below_upper: Floats, above_lower: Floats, mouth: Mouth, light: Floats) -> Floats:
    """Return the colour (height, width, 3) of each pixel between the lips.

    Args:
        u: Place along the mouth, -1 to 1 (height, width).
        below_upper: Mouth widths below the upper lip's edge.
        above_lower: Mouth widths above the lower lip's edge.
        mouth: In the photo.
        light: Of the scene (3,).
    """
    opening = np.maximum(below_upper + above_lower, 0)
    hollow = ramp(np.minimum(below_upper, above_lower) / 0.10)
    # Below the photo's own teeth lie gums and tongue, in the light that shows the teeth: no black line.
    color = _GUMS + (_DARK - _GUMS) * hollow[..., None] if mouth.gap else _DARK * (0.55 + 0.45 * hollow)[..., None]
    round_off = np.clip(1 - (u / 0.8) ** 2, 0, 1)
    tongue = ramp((0.15 - above_lower) / 0.12) * ramp((opening - (0.02 if mouth.gap else 0.08)) / 0.12) * round_off
    color = _mix(color, _TONGUE * (0.75 + 0.25 * round_off)[..., None], 0.7 * tongue)
    if not mouth.gap:
        color = _mix(color, _shade_teeth(u, below_upper), _place_teeth(u, below_upper, opening))
    return np.asarray(color * light, dtype=np.float32)


def _place_teeth(u: Floats, below_upper: Floats, opening: Floats) -> Floats:
    """Return how much of a tooth each pixel is: a band that ends in a soft edge and thins out to the corners."""
    length = 0.085 * np.sqrt(np.clip(1 - (u / 0.82) ** 2, 0, 1))
    return np.asarray(0.92 * ramp((length - below_upper) / 0.025) * ramp((opening - 0.035) / 0.06))


def _shade_teeth(u: Floats, below_upper: Floats) -> Floats:
    under_lip = 0.62 + 0.38 * ramp(below_upper / 0.05)
    around = 1 - 0.55 * u**2
    between = 1 - 0.07 * np.abs(np.cos(np.pi * u * 3.5)) ** 10
    return np.asarray(_TEETH * (under_lip * around * between)[..., None])


def _mix(below: Floats, above: Floats, share: Floats) -> Floats:
    return np.asarray(below + (above - below) * share[..., None])
