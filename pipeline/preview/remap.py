"""Takes pixels from where a map says, and mixes them, with OpenCV."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Floats


def remap(picture: npt.NDArray[Any], sources: npt.NDArray[Any], interpolation: int) -> npt.NDArray[Any]:
    """Return, for each entry of `sources` (height, width, 2), the picture at that x and y; its edge goes on outside."""
    # The stubs insist on a second map, which OpenCV does not.
    taken = cv2.remap(picture, sources, None, interpolation, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(taken)


def blend(below: npt.NDArray[Any], above: npt.NDArray[Any], share: Floats) -> npt.NDArray[Any]:
    """Mix two pictures (height, width, channels) of one kind.

    Args:
        below: Bytes or floats.
        above: The same.
        share: How much of `above` there is (height, width), 0 to 1.
    """
    return np.asarray(cv2.blendLinear(above, below, share, 1 - share))


def make_grid(width: int, height: int) -> Floats:
    """Return x and y of each pixel (height, width, 2)."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
