"""What is measured of a face, and what follows from it."""

from dataclasses import replace

import pytest

from pipeline.errors import InputError
from pipeline.image.check import FaceFacts, check_face

GOOD = FaceFacts(
    height_pixels=300, yaw_degrees=3, tilt_degrees=2, sharpness=60, brightness=140, washed_out=0, outside=0
)


def test_nothing_is_said_about_a_good_face() -> None:
    assert check_face(GOOD) == []


@pytest.mark.parametrize(
    ("fact", "warned", "refused", "code"),
    [
        ("height_pixels", 90, 40, "photo.face_too_small"),
        ("outside", 0.03, 0.3, "photo.face_cut"),
        ("yaw_degrees", 30, 45, "photo.face_turned"),
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
