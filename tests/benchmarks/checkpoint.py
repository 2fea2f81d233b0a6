"""What keeping a clip takes: `python -m tests.benchmarks.checkpoint`. Frames of noise are the worst that can come."""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from pipeline.checkpoint import ClipPlace, ClipStore
from pipeline.types import Pixels

SIZE, NEW_FRAMES = (832, 480), 72
STATE_BYTES = 16 * 3 * 60 * 104 * 4


def draw_photo(deviation: float) -> Pixels:
    """Return frames of a photo that moves, with so much grain."""
    random = np.random.default_rng(0)
    photo = cv2.resize(cv2.imread("assets/photos/grace_hopper.jpg"), SIZE, interpolation=cv2.INTER_AREA)
    frames = np.empty((NEW_FRAMES, *photo.shape), np.uint8)
    for number, frame in enumerate(frames):
        shift = np.array([[1, 0, 3 * np.sin(number / 8)], [0, 1, 2 * np.cos(number / 9)]], np.float32)
        moved = cv2.warpAffine(photo, shift, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frame[:] = np.clip(moved + random.normal(0, deviation, photo.shape).round(), 0, 255)
    return frames


def measure(name: str, frames: Pixels) -> None:
    """Keep a clip, open the store again, read it."""
    with tempfile.TemporaryDirectory() as folder:
        place, times = ClipPlace(Path(folder) / "checkpoint"), [time.perf_counter()]
        ClipStore(place, "x").keep(frames, bytes(STATE_BYTES), {})
        times.append(time.perf_counter())
        opened = ClipStore(place, "x")
        times.append(time.perf_counter())
        assert np.array_equal(next(opened.read_frames()), frames)
        times.append(time.perf_counter())
        num_bytes = sum(path.stat().st_size for path in place.folder.iterdir())
    kept, checked, read = np.diff(times)
    sys.stdout.write(
        f"{name}: {num_bytes / 1e6:.0f} MB, kept in {kept:.2f} s, checked in {checked:.2f} s, read in {read:.2f} s\n"
    )


if __name__ == "__main__":
    measure("a photo that moves", draw_photo(0.0))
    measure("with grain", draw_photo(1.0))
    measure("noise", np.random.default_rng(0).integers(0, 256, (NEW_FRAMES, SIZE[1], SIZE[0], 3), np.uint8))
