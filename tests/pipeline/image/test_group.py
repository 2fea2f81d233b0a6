"""The frame of several people who talk."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.image import prepare_portrait
from pipeline.image.group import crop_group
from pipeline.image.resize import BUCKETS, list_sizes
from pipeline.request import Framing
from pipeline.types import FrameSize
from tests.photos import encode, open_pair, save
from tests.pipeline.image.test_crop import SQUARE, TALL, contains, make_face

PHOTO = FrameSize(3000, 2000)
PLACES = st.lists(st.tuples(st.floats(300, 2700), st.floats(400, 1600), st.floats(150, 500)), min_size=2, max_size=4)
FRAMINGS = st.builds(
    Framing, zoom=st.floats(0.2, 5), shift_x=st.floats(-2, 2), shift_y=st.floats(-2, 2), faces=st.just((0, 1, 2, 3))
)


@settings(max_examples=30)
@given(PLACES, FRAMINGS)
def test_every_face_is_whole_whatever_is_asked(places: list[tuple[float, float, float]], framing: Framing) -> None:
    faces = [make_face(*place) for place in places]
    framing = Framing(
        zoom=framing.zoom, shift_x=framing.shift_x, shift_y=framing.shift_y, faces=tuple(range(len(faces)))
    )
    crop = crop_group(faces, PHOTO, BUCKETS["480p"], framing)
    assert all(contains(crop.box, face) for face in faces)
    assert crop.box.x_min >= -1e-6
    assert crop.box.y_min >= -1e-6
    assert crop.box.x_max <= PHOTO.width + 1e-6
    assert crop.box.y_max <= PHOTO.height + 1e-6
    assert crop.box.width / crop.box.height == pytest.approx(crop.size.width / crop.size.height)


def test_auto_takes_the_shape_that_the_people_fill() -> None:
    beside = [make_face(1000, 1000, 300), make_face(1800, 1000, 300)]
    above = [make_face(1500, 500, 300), make_face(1500, 1400, 300)]
    sizes = list_sizes("auto", "480p")
    wide, tall = (crop_group(pair, PHOTO, sizes, Framing(faces=(0, 1))).size for pair in (beside, above))
    assert wide.width > 1.5 * wide.height
    assert tall.height > 1.5 * tall.width


@pytest.mark.parametrize(
    ("sizes", "aspect", "code"),
    [((TALL,), "9:16", "speakers.too_far_apart_for_shape"), ((SQUARE,), "auto", "speakers.too_far_apart")],
)
def test_faces_that_no_frame_holds_are_named(sizes: tuple[FrameSize, ...], aspect: str, code: str) -> None:
    faces = [make_face(200, 1000, 300), make_face(2800, 1000, 300)]
    with pytest.raises(InputError, match=r"the faces 3, 1 whole") as caught:
        crop_group(faces, PHOTO, sizes, Framing(aspect=aspect, faces=(3, 1)))
    assert caught.value.notice.code == code


def test_faces_that_would_be_too_small_to_be_seen_are_named() -> None:
    faces = [make_face(300, 1000, 500), make_face(2800, 1000, 60)]
    with pytest.raises(InputError, match=r"too small to be seen talking: 1 \("):
        crop_group(faces, PHOTO, BUCKETS["480p"], Framing(faces=(0, 1)))


def test_who_does_not_talk_is_a_bystander(tmp_path_factory: pytest.TempPathFactory) -> None:
    pair = save(tmp_path_factory.mktemp("pair"), encode(open_pair(), "PNG"))
    first, swapped, one, near = (
        prepare_portrait(pair, framing, "480p")
        for framing in (
            Framing(faces=(0, 1)), Framing(faces=(1, 0)), Framing(face=0, aspect="16:9", zoom=0.5),
            Framing(face=1, aspect="9:16"),
        )
    )  # fmt: skip
    assert [len(portrait.bystanders) for portrait in (first, swapped, one, near)] == [0, 0, 1, 0]
    assert [face.box for face in first.speakers] == [face.box for face in reversed(swapped.speakers)]
    assert one.speakers == (one.face,)
    assert "photo.several_faces" not in {notice.code for notice in first.notices}
    assert all(a.box != b.box for a, b in combinations((*one.speakers, *one.bystanders), 2))
