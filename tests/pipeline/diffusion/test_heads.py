"""Heads and shoulders in the grid of tokens."""

import numpy as np
import pytest

from pipeline.diffusion.heads import draw_people
from pipeline.types import Box, Face, FrameSize
from tests.scenes import load_portrait

TOKEN = 16


def make_face(x: float, y: float, height: float) -> Face:
    """Return a face around a point, without a mesh."""
    box = Box(x - 0.4 * height, y - height / 2, x + 0.4 * height, y + height / 2)
    return Face(box, 1.0, np.zeros((478, 3), np.float32))


def test_a_real_head_with_hair_and_shoulders_is_covered() -> None:
    portrait = load_portrait(aspect="1:1")
    (mask,) = draw_people([portrait.face], FrameSize(640, 640), TOKEN)
    points = portrait.face.landmarks[:468, :2] // TOKEN
    assert mask[points[:, 1].astype(int), points[:, 0].astype(int)].all()
    top, bottom = (int(value // TOKEN) for value in (portrait.face.box.y_min, portrait.face.box.y_max))
    assert mask[top - 3 : top].any(axis=1).all()
    assert mask[bottom + 4].sum() > mask[(top + bottom) // 2].sum()
    assert not mask[:, 0].all()


def test_neighbours_part_in_the_middle_and_share_nothing() -> None:
    left, right = draw_people([make_face(270, 300, 160), make_face(370, 300, 160)], FrameSize(640, 640), TOKEN)
    assert not (left & right).any()
    assert np.array_equal(left, right[:, ::-1])
    assert left[:, 19].any()


def test_a_face_behind_a_shoulder_keeps_its_tokens() -> None:
    near, far = make_face(250, 250, 240), make_face(420, 420, 70)
    masks = draw_people([near, far], FrameSize(640, 640), TOKEN)
    assert masks[1][int(420 // TOKEN), int(420 // TOKEN)]
    assert masks[0].sum() > 10 * masks[1].sum()


@pytest.mark.parametrize("faces", [1, 2, 5])
def test_everybody_has_a_token_however_small(faces: int) -> None:
    masks = draw_people([make_face(31, 31, 2) for _ in range(faces)], FrameSize(64, 64), TOKEN)
    assert masks.any(axis=(1, 2)).all()
    assert masks.sum(axis=0).max() == 1


def test_a_face_beyond_the_edge_stays_inside() -> None:
    masks = draw_people([make_face(-60, 30, 100), make_face(700, 700, 50)], FrameSize(640, 640), TOKEN)
    assert masks.any(axis=(1, 2)).all()
