"""Where the frame is cut from the photo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.image.crop import crop_around, cut_frame, move_face
from pipeline.image.resize import BUCKETS
from pipeline.request import Framing
from pipeline.types import Box, Face, FrameSize

SQUARE, WIDE, TALL = FrameSize(640, 640), FrameSize(832, 480), FrameSize(480, 832)


def make_face(x: float, y: float, height: float) -> Face:
    """Return a face whose mesh is an upright oval of that height around a point."""
    angles = np.linspace(0, 2 * np.pi, 478)
    points = np.stack([x + 0.38 * height * np.sin(angles), y - 0.5 * height * np.cos(angles), 0 * angles], axis=1)
    points[10, :2], points[152, :2] = (x, y - height / 2), (x, y + height / 2)
    box = Box(x - 0.38 * height, y - height / 2, x + 0.38 * height, y + height / 2)
    return Face(box, 0.9, points.astype(np.float32))


def contains(crop: Box, face: Face) -> bool:
    points = face.landmarks[:468, :2]
    return bool(((points >= (crop.x_min, crop.y_min)) & (points <= (crop.x_max, crop.y_max))).all())


@pytest.mark.parametrize("frame", [SQUARE, WIDE, TALL])
def test_head_and_shoulders_fill_the_frame(frame: FrameSize) -> None:
    face = make_face(2000, 1200, 500)
    crop = crop_around(face, FrameSize(4000, 3000), frame, Framing())
    assert crop.height >= 2.6 * 500 - 1
    assert crop.width >= 2.4 * 500 - 1
    assert 500 / crop.height > 0.2
    assert (1200 - crop.y_min) / crop.height == pytest.approx(0.45, abs=0.01)
    assert (crop.x_min + crop.x_max) / 2 == pytest.approx(2000, abs=2)


def test_a_small_face_is_not_enlarged_beyond_what_looks_good() -> None:
    crop = crop_around(make_face(400, 300, 60), FrameSize(800, 600), SQUARE, Framing())
    assert crop.height == pytest.approx(400)


def test_the_chin_stays_in_where_the_head_is_too_large() -> None:
    face = make_face(256, 300, 260)
    crop = crop_around(face, FrameSize(512, 600), WIDE, Framing())
    assert crop.y_max >= 300 + 130


def test_the_crown_stays_in_where_there_is_room() -> None:
    crop = crop_around(make_face(500, 450, 420), FrameSize(1000, 1000), WIDE, Framing())
    assert crop.y_min <= 450 - 210
    assert crop.y_max >= 450 + 210 + 0.05 * 420


def test_zoom_shows_a_part_of_the_automatic_crop() -> None:
    face, photo = make_face(2000, 1500, 300), FrameSize(4000, 3000)
    wide, near = (crop_around(face, photo, SQUARE, Framing(zoom=zoom)) for zoom in (1.0, 1.5))
    assert wide.width / near.width == pytest.approx(1.5)


def test_shifts_move_the_crop_by_shares_of_its_size() -> None:
    face, photo = make_face(2000, 1500, 300), FrameSize(4000, 3000)
    still = crop_around(face, photo, SQUARE, Framing())
    moved = crop_around(face, photo, SQUARE, Framing(shift_x=0.1, shift_y=-0.1))
    assert moved.x_min - still.x_min == pytest.approx(0.1 * still.width)
    assert moved.y_min - still.y_min == pytest.approx(-0.1 * still.height)


@pytest.mark.parametrize("framing", [Framing(zoom=float("nan")), Framing(zoom=0), Framing(zoom=-1)])
def test_refuses_a_zoom_that_makes_no_sense(framing: Framing) -> None:
    with pytest.raises(InputError) as caught:
        crop_around(make_face(500, 500, 200), FrameSize(1000, 1000), SQUARE, framing)
    assert caught.value.notice.code == "crop.zoom"


@pytest.mark.parametrize("shift", [float("nan"), float("inf")])
def test_refuses_a_shift_that_makes_no_sense(shift: float) -> None:
    with pytest.raises(InputError) as caught:
        crop_around(make_face(500, 500, 200), FrameSize(1000, 1000), SQUARE, Framing(shift_y=shift))
    assert caught.value.notice.code == "crop.shift"


@settings(max_examples=100)
@given(
    photo=st.builds(FrameSize, st.integers(128, 5000), st.integers(128, 5000)),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
    share=st.floats(0.05, 1.0),
    frame=st.sampled_from([*BUCKETS["480p"], *BUCKETS["720p"]]),
    framing=st.builds(Framing, zoom=st.floats(0.01, 100), shift_x=st.floats(-1e6, 1e6), shift_y=st.floats(-1e6, 1e6)),
)
def test_every_crop_lies_in_the_photo_and_has_the_frame_s_shape(
    photo: FrameSize, place: tuple[float, float], share: float, frame: FrameSize, framing: Framing
) -> None:
    face = make_face(place[0] * photo.width, place[1] * photo.height, share * min(photo.width, photo.height))
    crop = crop_around(face, photo, frame, framing)
    assert crop.width / crop.height == pytest.approx(frame.width / frame.height)
    assert -1e-6 <= crop.x_min < crop.x_max <= photo.width + 1e-6
    assert -1e-6 <= crop.y_min < crop.y_max <= photo.height + 1e-6


@settings(max_examples=100)
@given(zoom=st.floats(0.01, 100), shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3)))
def test_the_whole_face_stays_in_whatever_is_asked_for(zoom: float, shift: tuple[float, float]) -> None:
    face = make_face(900, 700, 300)
    framing = Framing(zoom=zoom, shift_x=shift[0], shift_y=shift[1])
    assert contains(crop_around(face, FrameSize(1600, 1400), SQUARE, framing), face)


def test_cut_frame_copies_pixels_where_nothing_is_scaled() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 900, 3), np.uint8)
    frame = cut_frame(pixels, Box(30, 50, 30 + 640, 50 + 480), FrameSize(640, 480))
    assert (frame == pixels[50:530, 30:670]).all()


def test_cut_frame_averages_fine_patterns_instead_of_showing_moire() -> None:
    checkers = np.indices((2000, 2000)).sum(axis=0) % 2 * 255
    pixels = np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8)
    frame = cut_frame(pixels, Box(0, 0, 2000, 2000), SQUARE)
    assert frame[20:-20, 20:-20].std() < 4


def test_a_face_moves_with_the_crop() -> None:
    moved = move_face(make_face(500, 500, 200), Box(250, 250, 750, 750), FrameSize(1000, 1000))
    assert moved.landmarks[10, :2] == pytest.approx([500.5, 300.5])
    assert moved.box.height == pytest.approx(400)
