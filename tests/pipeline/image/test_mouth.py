"""Mouths that are to be seen, and things in front of them."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.image.check import check_face, measure_face
from pipeline.image.face import FaceFinder
from pipeline.types import Floats, Pixels
from tests.photos import HOPPER, MONA_LISA, TURNED

# The mesh's points along the jaw, from below one ear to below the other, and the middle of the nose.
JAW = [132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361]
NOSE, UPPER_LIP, CHIN, HAIRLINE = 197, 13, 152, 10
COVERED = "photo.mouth_covered"


def read(path: object) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))  # type: ignore[call-overload]  # a path


def find_warnings(pixels: Pixels) -> set[str]:
    return {notice.code for notice in check_face(measure_face(pixels, FaceFinder().find(pixels)[0]))}


def cover(pixels: Pixels, shape: str, color: tuple[int, int, int]) -> Pixels:
    """Paint something soft and unevenly lit in front of the mouth."""
    points = FaceFinder().find(pixels)[0].landmarks[:, :2]
    mask = np.zeros(pixels.shape[:2], np.uint8)
    if shape == "mask":
        cv2.fillPoly(mask, [np.r_[points[JAW], points[[NOSE]]].astype(np.int32)], 1)
    else:
        _paint_round(mask, points)
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1)[..., None]
    light = 1 + 0.08 * np.sin(np.arange(pixels.shape[1]) / 40)[None, :, None]
    noise = np.random.default_rng(0).normal(0, 3, pixels.shape)
    return (pixels * (1 - share) + (light * np.array(color) + noise) * share).clip(0, 255).astype(np.uint8)


def _paint_round(mask: Pixels, points: Floats) -> None:
    height = float(np.linalg.norm(points[CHIN] - points[HAIRLINE]))
    cv2.circle(mask, tuple(map(int, points[UPPER_LIP])), int(0.22 * height), 1, -1)


@pytest.mark.parametrize("photo", [HOPPER, MONA_LISA], ids=["hopper", "mona_lisa"])
@pytest.mark.parametrize(
    ("shape", "color"),
    [
        ("mask", (190, 215, 230)),
        ("mask", (240, 240, 240)),
        ("mask", (25, 25, 28)),
        ("mask", (205, 160, 130)),
        ("round", (35, 35, 38)),
        ("round", (200, 160, 135)),
        ("round", (235, 235, 235)),
    ],
)
def test_what_covers_a_mouth_is_seen(photo: object, shape: str, color: tuple[int, int, int]) -> None:
    assert COVERED in find_warnings(cover(read(photo), shape, color))


def darken(pixels: Pixels) -> Pixels:
    return (pixels * 0.4).astype(np.uint8)


def take_colors(pixels: Pixels) -> Pixels:
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def mirror(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def lean(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).rotate(14, Image.Resampling.BICUBIC))


def shrink(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8)


@pytest.mark.parametrize("change", [np.asarray, darken, take_colors, mirror, lean, shrink])
@pytest.mark.parametrize("photo", [HOPPER, MONA_LISA, TURNED], ids=["hopper", "mona_lisa", "turned"])
def test_a_mouth_that_is_to_be_seen_is_not_covered(photo: object, change: Callable[[Pixels], Pixels]) -> None:
    assert COVERED not in find_warnings(change(read(photo)))
