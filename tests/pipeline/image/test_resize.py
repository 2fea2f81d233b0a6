"""The sizes of the frame."""

import pytest

from pipeline.image.resize import BUCKETS, choose_size
from pipeline.profiles import Resolution
from pipeline.request import Aspect
from pipeline.types import FrameSize


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ((1000, 1000), (640, 640)),
        ((1920, 1080), (832, 480)),
        ((1080, 1920), (480, 832)),
        ((3000, 2000), (768, 512)),
        ((3000, 4000), (576, 704)),
        ((8000, 500), (1216, 320)),
        ((500, 8000), (320, 1280)),
    ],
)
def test_auto_takes_the_bucket_nearest_to_the_photo(photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert choose_size(*photo, "auto", "480p") == FrameSize(*expected)


@pytest.mark.parametrize(
    ("resolution", "aspect", "expected"),
    [
        ("480p", "16:9", (832, 480)),
        ("480p", "1:1", (640, 640)),
        ("480p", "9:16", (480, 832)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "1:1", (960, 960)),
        ("720p", "9:16", (720, 1280)),
    ],
)
def test_a_named_aspect_has_one_size(resolution: Resolution, aspect: Aspect, expected: tuple[int, int]) -> None:
    assert choose_size(123, 456, aspect, resolution) == FrameSize(*expected)


@pytest.mark.parametrize("resolution", ["480p", "720p"])
def test_all_sizes_suit_the_model(resolution: Resolution) -> None:
    area = {"480p": 640 * 640, "720p": 960 * 960}[resolution]
    for size in BUCKETS[resolution]:
        assert size.width % 16 == size.height % 16 == 0
        assert 0.7 < size.width * size.height / area < 1.1
