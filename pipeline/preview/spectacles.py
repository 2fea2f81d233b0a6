"""Finds spectacles, whose rims raised brows would bend."""

import cv2
import numpy as np

from pipeline.preview import mesh
from pipeline.preview.remap import remap
from pipeline.types import Floats, Pixels

_STEP_OF_BRIDGE = 0.2
"""A bare nose changes by less than this share of its brightness from one step to the next; a bridge by more."""
_STEPS = 40


def wears_spectacles(photo: Pixels, landmarks: Floats) -> bool:
    """Say whether a bar lies across the nose between the eyes, in an RGB photo with this mesh (478, 3)."""
    start, end = landmarks[mesh.BETWEEN_BROWS, :2], landmarks[mesh.MIDDLE_OF_NOSE, :2]
    across = landmarks[mesh.RIGHT_INNER_EYE, :2] - landmarks[mesh.LEFT_INNER_EYE, :2]
    down = np.linspace(0, 1, _STEPS)[:, None, None]
    beside = np.linspace(-0.12, 0.12, 9)[None, :, None]
    places = (start + (end - start) * down + across * beside).astype(np.float32)
    brightness = remap(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32), places, cv2.INTER_LINEAR).mean(
        axis=1
    )
    return bool(np.abs(np.diff(brightness)).max() > _STEP_OF_BRIDGE * max(float(brightness.mean()), 1.0))
