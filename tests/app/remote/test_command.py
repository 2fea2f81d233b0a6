"""The checks of a request from a command line."""

import pytest

from app.remote import check_files
from tests.app.remote.conftest import ASSETS

PHOTO = (ASSETS / "photos/grace_hopper.jpg").read_bytes()
VOICES = {"audio": (ASSETS / "voices/joe.wav").read_bytes()}


def test_accepts_the_example() -> None:
    problem, scene, _ = check_files(PHOTO, VOICES, {"profile": "fast", "max_duration_sec": 1.2})
    assert problem == ""
    assert scene


@pytest.mark.parametrize(
    ("photo", "request_", "message"),
    [
        (b"no picture", {"profile": "fast"}, "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture"),
        (PHOTO, {"profile": "best"}, "There is no profile best"),
        (PHOTO, {"profile": "fast", "seed": "x"}, "seed"),
        (PHOTO, {"profile": "fast", "start_sec": 900.0}, "lies beyond the end"),
    ],
)
def test_says_what_cannot_be_used(photo: bytes, request_: dict, message: str) -> None:
    problem, scene, _ = check_files(photo, VOICES, request_)
    assert message in problem
    assert not scene
