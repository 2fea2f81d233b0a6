"""The mark is put into frames so that nobody sees it."""

import hashlib

import numpy as np
import pytest

from pipeline.types import FrameSize, Pixels
from pipeline.watermark import Embedder, Payload, read_mark
from pipeline.watermark.carriers import get_carriers
from tests.photos import open_hopper
from tests.pipeline.watermark.clips import to_jpeg

PAYLOAD = Payload.for_job("a job", b"a key")


def make_frames(width: int, height: int, num_frames: int = 1) -> Pixels:
    return np.stack([np.asarray(open_hopper((width, height)))] * num_frames)


def test_is_faint() -> None:
    frames = make_frames(480, 832)
    change = Embedder(FrameSize(480, 832), PAYLOAD).mark(frames).astype(np.float32) - frames
    assert 42 < 10 * np.log10(255**2 / np.mean(change**2)) < 46
    assert abs(change).max() <= 9
    assert abs(change.mean()) < 0.05


def test_does_not_flicker() -> None:
    marked = Embedder(FrameSize(240, 240), PAYLOAD).mark(make_frames(240, 240, 20))
    assert (marked == marked[0]).all()


def test_follows_what_a_place_shows() -> None:
    even = np.full((9, 240, 240, 3), 128, np.uint8)
    even[-1] = np.kron(np.random.default_rng(1).integers(0, 256, (30, 30, 1)), np.ones((8, 8, 3)))
    change = Embedder(FrameSize(240, 240), PAYLOAD).mark(even).astype(np.float32) - even
    assert 0.6 < change[0].std() < 0.85
    assert change[-1].std() > 1.6


def test_is_faintest_where_there_is_no_grain_to_hide_in_and_is_read_there_all_the_same() -> None:
    slope = np.broadcast_to(np.linspace(90, 220, 480)[:, None, None], (480, 832, 3))
    bare = np.rint(slope).astype(np.uint8)
    grainy = np.rint(slope + np.random.default_rng(1).normal(0, 8, (480, 832, 1))).astype(np.uint8)
    faint, stronger = (Embedder(FrameSize(832, 480), PAYLOAD).mark(frame[None])[0] for frame in (bare, grainy))
    assert (faint.astype(np.float32) - bare).std() < 0.7 * (stronger.astype(np.float32) - grainy).std()
    reading = read_mark([to_jpeg(faint, 60)])
    assert reading is not None
    assert reading.payload == PAYLOAD


def test_leaves_the_engines_frames_alone() -> None:
    frames = make_frames(120, 96, 2)[:, ::-1]
    frames.flags.writeable = False
    marked = Embedder(FrameSize(120, 96), PAYLOAD).mark(frames)
    assert (marked.shape, marked.dtype) == (frames.shape, np.uint8)


@pytest.mark.parametrize("level", [0, 255])
def test_stays_within_black_and_white(level: int) -> None:
    frames = np.full((1, 120, 120, 3), level, np.uint8)
    change = Embedder(FrameSize(120, 120), PAYLOAD).mark(frames).astype(np.int16) - level
    assert 0 < abs(change).max() <= 9


def test_batches_make_no_difference() -> None:
    frames = np.stack([np.roll(make_frames(160, 120)[0], 3 * index, axis=1) for index in range(12)])
    one, several = (Embedder(FrameSize(160, 120), PAYLOAD) for _ in range(2))
    parts = [several.mark(frames[:5]), several.mark(frames[5:6]), several.mark(frames[6:])]
    assert (one.mark(frames) == np.concatenate(parts)).all()


def test_waves_are_those_of_all_earlier_videos() -> None:
    carriers = get_carriers()
    numbers = np.stack([carriers.across, carriers.down, carriers.bits, np.rint(carriers.phases.real * 1000)])
    assert hashlib.sha256(numbers.astype("<i4").tobytes()).hexdigest()[:16] == "478c9d5b29f5325f"
