"""Paints what an opened mouth shows: dark, a tongue below, and the upper teeth where the photo hides them."""

import numpy as np

from pipeline.preview.rig import Mouth
from pipeline.preview.smooth import ramp
from pipeline.types import Floats, Pixels

_DARK = np.array([58, 24, 24], np.float32)
_TONGUE = np.array([158, 84, 84], np.float32)
_TEETH = np.array([238, 226, 208], np.float32)
_NORMAL_LUMA = 170.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def measure_light(skin: Pixels) -> float:
    """Return how bright the scene is, 1 for a well lit fair face, from pixels (n, 3) of its cheeks."""
    return float(np.clip(float((skin @ _LUMA).mean()) / _NORMAL_LUMA, 0.25, 1.15))


def paint_inside(u: Floats, below_upper: Floats, above_lower: Floats, mouth: Mouth, light: float) -> Floats:
    """Return the colour (height, width, 3) of each pixel between the lips.

    Args:
        u: Place along the mouth, -1 to 1 (height, width).
        below_upper: Mouth widths below the upper lip's edge.
        above_lower: Mouth widths above the lower lip's edge.
        mouth: In the photo.
        light: Of the scene.
    """
    opening = np.maximum(below_upper + above_lower, 0)
    hollow = ramp(np.minimum(below_upper, above_lower) / 0.10)
    color = _DARK * (0.55 + 0.45 * hollow)[..., None]
    round_off = np.clip(1 - (u / 0.8) ** 2, 0, 1)
    tongue = ramp((0.17 - above_lower) / 0.13) * ramp((opening - 0.06) / 0.12) * round_off
    color = _mix(color, _TONGUE, 0.75 * tongue)
    if not mouth.gap:
        color = _mix(color, _shade_teeth(u, below_upper), _place_teeth(u, below_upper, opening))
    return np.asarray(color * light, dtype=np.float32)


def _place_teeth(u: Floats, below_upper: Floats, opening: Floats) -> Floats:
    """Return how much of a tooth each pixel is: a band that ends in a soft edge and thins out to the corners."""
    length = 0.105 * np.sqrt(np.clip(1 - (u / 0.82) ** 2, 0, 1))
    return np.asarray(0.92 * ramp((length - below_upper) / 0.025) * ramp((opening - 0.035) / 0.06))


def _shade_teeth(u: Floats, below_upper: Floats) -> Floats:
    under_lip = 0.62 + 0.38 * ramp(below_upper / 0.05)
    around = 1 - 0.55 * u**2
    between = 1 - 0.07 * np.abs(np.cos(np.pi * u * 3.5)) ** 10
    return np.asarray(_TEETH * (under_lip * around * between)[..., None])


def _mix(below: Floats, above: Floats, share: Floats) -> Floats:
    return np.asarray(below + (above - below) * share[..., None])
