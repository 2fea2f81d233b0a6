"""The mark is read out of what became of a video, and not out of what never had one."""

import numpy as np
import pytest

from pipeline.types import FrameSize, Pixels
from pipeline.watermark import Embedder, Payload, Reading, read_mark
from tests.photos import open_hopper
from tests.pipeline.watermark.clips import crop, encode, record_screen, resize, to_jpeg

PAYLOAD = Payload.for_job("a job", b"a key")


@pytest.fixture(scope="module")
def video() -> Pixels:
    """A marked portrait before which a shadow passes, as the app writes it."""
    frames = np.stack([np.asarray(open_hopper((480, 560)))] * 10)
    for index, frame in enumerate(frames):
        frame[:, 40 * index : 40 * index + 60] //= 2
    return encode(Embedder(FrameSize(480, 560), PAYLOAD).mark(frames), 20)


def check(reading: Reading | None, is_mirrored: bool = False) -> None:
    assert reading is not None
    assert (reading.payload, reading.is_mirrored) == (PAYLOAD, is_mirrored)
    assert reading.confidence > 1 - 1e-9


def test_survives_coding_at_half_size(video: Pixels) -> None:
    check(read_mark(encode(resize(video, 0.5), 26)))


def test_survives_a_recorded_screen(video: Pixels) -> None:
    check(read_mark(encode(record_screen(crop(video, 0.1, 0, 0, 0.05)), 26, rate=30)))


def test_survives_in_one_picture(video: Pixels) -> None:
    check(read_mark([to_jpeg(video[5], 85)]))


def test_is_read_in_a_mirror(video: Pixels) -> None:
    check(read_mark([video[5, :, ::-1]]), is_mirrored=True)


def test_is_not_read_where_there_is_none() -> None:
    assert read_mark([np.asarray(open_hopper((480, 560)))]) is None


def test_another_payload_is_another_mark(video: Pixels) -> None:
    other = Payload.for_job("another job", b"a key")
    reading = read_mark(Embedder(FrameSize(480, 560), other).mark(np.asarray(open_hopper((480, 560)))[None]))
    assert reading is not None
    assert reading.payload == other


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (40, 60), (96, 5000), (5000, 96)])
def test_pictures_without_room_for_it_have_none(shape: tuple[int, int]) -> None:
    assert read_mark([np.zeros((*shape, 3), np.uint8)]) is None


def test_even_pictures_have_none() -> None:
    assert read_mark([np.full((96, 200, 3), 128, np.uint8)]) is None


def test_no_frames_have_none() -> None:
    assert read_mark([]) is None
