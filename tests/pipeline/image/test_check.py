"""What is measured of a face, and what follows from it."""

from dataclasses import replace

import pytest

from pipeline.errors import InputError
from pipeline.image.check import FaceFacts, check_face, check_model
from pipeline.image.mouth import MouthFacts
from pipeline.infinitetalk.spec import INFINITETALK
from pipeline.preview.spec import PREVIEW

GOOD = FaceFacts(
    height_pixels=300,
    yaw_degrees=3,
    tilt_degrees=2,
    sharpness=60,
    brightness=140,
    washed_out=0,
    outside=0,
    mouth=MouthFacts(contrast=40, strangeness=10),
)


def test_nothing_is_said_about_a_good_face() -> None:
    assert check_face(GOOD) == []


@pytest.mark.parametrize(
    ("fact", "warned", "refused", "code"),
    [
        ("height_pixels", 90, 40, "photo.face_too_small"),
        ("outside", 0.03, 0.3, "photo.face_cut"),
        ("tilt_degrees", 35, 60, "photo.face_tilted"),
        ("sharpness", 6, 1, "photo.blurred"),
        ("brightness", 30, 10, "photo.too_dark"),
        ("washed_out", 0.5, 0.9, "photo.too_bright"),
    ],
)
def test_a_bad_face_is_warned_of_and_a_worse_one_refused(fact: str, warned: float, refused: float, code: str) -> None:
    notices = check_face(replace(GOOD, **{fact: warned}))
    assert [notice.code for notice in notices] == [code]
    assert notices[0].text
    with pytest.raises(InputError) as caught:
        check_face(replace(GOOD, **{fact: refused}))
    assert caught.value.notice.code == f"{code}_error"
    assert caught.value.notice.text


@pytest.mark.parametrize(
    ("degrees", "code"), [(30, "photo.face_turned"), (45, "photo.face_turned_far"), (80, "photo.face_turned_far")]
)
def test_no_turn_is_too_far_for_every_model(degrees: float, code: str) -> None:
    notices = tuple(check_face(replace(GOOD, yaw_degrees=degrees)))
    assert [(notice.code, notice.values) for notice in notices] == [(code, {"value": degrees})]
    check_model(notices, INFINITETALK.refused_notices)


def test_the_preview_takes_a_face_that_is_turned_a_little_and_none_that_is_turned_far() -> None:
    check_model(tuple(check_face(replace(GOOD, yaw_degrees=39))), PREVIEW.refused_notices)
    with pytest.raises(InputError, match=r"about 41 degrees.*another profile") as caught:
        check_model(tuple(check_face(replace(GOOD, yaw_degrees=41))), PREVIEW.refused_notices)
    assert caught.value.notice.code == "photo.face_turned_error"


@pytest.mark.parametrize(
    ("contrast", "strangeness", "is_covered"), [(14, 0, True), (16, 34, False), (29, 36, True), (31, 60, False)]
)
def test_a_mouth_that_is_hardly_there_is_said(contrast: float, strangeness: float, is_covered: bool) -> None:
    notices = check_face(replace(GOOD, mouth=MouthFacts(contrast, strangeness)))
    assert [notice.code for notice in notices] == ["photo.mouth_covered"] * is_covered
