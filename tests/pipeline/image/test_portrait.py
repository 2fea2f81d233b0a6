"""Photos of faces, good and bad."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from pipeline.errors import InputError
from pipeline.image import prepare_portrait
from pipeline.image.face import FaceFinder
from pipeline.request import Aspect, Framing
from pipeline.types import Portrait
from tests.photos import HOPPER, MONA_LISA, encode, open_hopper, save

AUTO = Framing()


def prepare(folder: Path, picture: Image.Image, framing: Framing = AUTO) -> Portrait:
    return prepare_portrait(save(folder, encode(picture, "PNG")), framing, "480p")


def refuse(folder: Path, picture: Image.Image, framing: Framing = AUTO) -> str:
    with pytest.raises(InputError) as caught:
        prepare(folder, picture, framing)
    assert caught.value.notice.text
    return caught.value.notice.code


def warn(folder: Path, picture: Image.Image) -> set[str]:
    notices = prepare(folder, picture).notices
    assert all(notice.text for notice in notices)
    return {notice.code for notice in notices}


def test_finds_no_face_in_a_strip() -> None:
    assert FaceFinder().find(np.zeros((16, 40_000, 3), np.uint8)) == ()


@pytest.mark.parametrize("photo", [HOPPER, MONA_LISA])
def test_nothing_is_said_about_the_examples(photo: Path) -> None:
    assert prepare_portrait(photo, AUTO, "480p").notices == ()


@pytest.mark.parametrize(("aspect", "shape"), [("16:9", (480, 832)), ("1:1", (640, 640)), ("9:16", (832, 480))])
def test_the_frame_has_the_aspect_asked_for(aspect: Aspect, shape: tuple[int, int]) -> None:
    assert prepare_portrait(HOPPER, Framing(aspect=aspect), "480p").frame.shape == (*shape, 3)


def test_the_mesh_lies_on_the_face_in_the_frame() -> None:
    portrait = prepare_portrait(HOPPER, Framing(aspect="9:16"), "720p")
    found = FaceFinder().find(portrait.frame)[0]
    assert np.abs(found.landmarks[:, :2] - portrait.face.landmarks[:, :2]).mean() < 4


def test_several_faces_are_said_and_can_be_chosen(tmp_path: Path) -> None:
    pair = Image.new("RGB", (1024, 600))
    pair.paste(open_hopper(), (0, 0))
    pair.paste(open_hopper((400, 469)), (560, 100))
    assert "photo.several_faces" in warn(tmp_path, pair)
    largest, second = (prepare(tmp_path, pair, Framing(face=index)) for index in (0, 1))
    assert len(largest.faces) == 2
    assert largest.crop.x_max + largest.crop.x_min < 1024 < second.crop.x_min + second.crop.x_max
    assert not {notice.code for notice in second.notices} & {"photo.several_faces"}


@pytest.mark.parametrize("index", [1, 7, -1])
def test_a_face_that_is_not_there_is_refused_with_their_number(tmp_path: Path, index: int) -> None:
    with pytest.raises(InputError, match="1 found") as caught:
        prepare(tmp_path, open_hopper(), Framing(face=index))
    assert caught.value.notice.about == "face"


def test_refuses_a_picture_without_a_face(tmp_path: Path) -> None:
    assert refuse(tmp_path, Image.new("RGB", (400, 300), (90, 120, 80))) == "photo.no_face"


@pytest.mark.parametrize(("photo", "degrees"), [(HOPPER, 90), (MONA_LISA, 180), (HOPPER, 270)])
def test_turns_a_photo_that_is_not_upright(tmp_path: Path, photo: Path, degrees: int) -> None:
    turned = prepare(tmp_path, Image.open(photo).rotate(degrees, expand=True))
    assert [notice.code for notice in turned.notices] == ["photo.turned"]
    assert np.array_equal(turned.frame, prepare_portrait(photo, AUTO, "480p").frame)


@pytest.mark.parametrize(("share", "code"), [(0.15, "photo.face_too_small_error"), (0.4, "photo.face_too_small")])
def test_small_faces_are_said(tmp_path: Path, share: float, code: str) -> None:
    scene = Image.new("RGB", (700, 700), (120, 140, 160))
    scene.paste(open_hopper((round(512 * share), round(600 * share))), (250, 250))
    said = refuse(tmp_path, scene) if code.endswith("error") else "".join(warn(tmp_path, scene))
    assert said == code


@pytest.mark.parametrize(("bottom", "code"), [(275, "photo.face_cut_error"), (316, "photo.face_cut")])
def test_cut_faces_are_said(tmp_path: Path, bottom: int, code: str) -> None:
    picture = open_hopper().crop((0, 0, 512, bottom))
    assert code in (refuse(tmp_path, picture) if code.endswith("error") else warn(tmp_path, picture))


@pytest.mark.parametrize(("light", "code"), [(0.08, "photo.too_dark_error"), (0.25, "photo.too_dark")])
def test_dark_faces_are_said(tmp_path: Path, light: float, code: str) -> None:
    picture = open_hopper().point(lambda value: int(value * light))
    assert code in (refuse(tmp_path, picture) if code.endswith("error") else warn(tmp_path, picture))


def test_bright_faces_are_said(tmp_path: Path) -> None:
    picture = open_hopper().point(lambda value: min(255, int(value * 2.4)))
    assert "photo.too_bright" in warn(tmp_path, picture)


def test_blurred_faces_are_said(tmp_path: Path) -> None:
    picture = open_hopper().filter(ImageFilter.GaussianBlur(2.5))
    assert "photo.blurred" in warn(tmp_path, picture)


def test_a_hopelessly_blurred_face_is_refused(tmp_path: Path) -> None:
    picture = Image.open(MONA_LISA).filter(ImageFilter.GaussianBlur(12))
    assert refuse(tmp_path, picture) == "photo.blurred_error"


def test_a_leaning_head_is_said(tmp_path: Path) -> None:
    assert "photo.face_tilted" in warn(tmp_path, open_hopper().rotate(32, Image.Resampling.BICUBIC))


def test_a_low_resolution_is_said(tmp_path: Path) -> None:
    assert "photo.low_resolution" in warn(tmp_path, open_hopper((410, 480)))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mode=st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"]),
    width=st.integers(128, 900),
    height=st.integers(128, 900),
    orientation=st.integers(1, 8),
    left=st.integers(-300, 600),
    top=st.integers(-300, 600),
    aspect=st.sampled_from(["auto", "16:9", "1:1", "9:16"]),
)
def test_any_picture_becomes_a_portrait_or_is_refused(
    tmp_path: Path, mode: str, width: int, height: int, orientation: int, left: int, top: int, aspect: Aspect
) -> None:
    picture = Image.new("RGB", (width, height), (130, 130, 140))
    picture.paste(open_hopper((400, 469)), (left, top))
    kind = "JPEG" if mode == "CMYK" else "PNG"
    path = save(tmp_path, encode(picture.convert(mode), kind, orientation))
    with contextlib.suppress(InputError):
        portrait = prepare_portrait(path, Framing(aspect=aspect), "480p")
        assert portrait.frame.shape[0] % 16 == portrait.frame.shape[1] % 16 == 0
        assert np.isfinite(portrait.face.landmarks).all()
