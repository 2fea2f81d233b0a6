"""The one easing curve that everything here fades with."""

from typing import Any

import numpy as np
import numpy.typing as npt


def ramp(x: npt.ArrayLike) -> npt.NDArray[Any]:
    """Smoothstep: 0 below 0, 1 above 1, level at both ends."""
    t = np.clip(x, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))
