"""Look for the mark in hundreds of pictures and clips that have none.

python -m tests.pipeline.watermark.false_alarms [PICTURE OR VIDEO OR FOLDER ...]
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image

from pipeline.types import Pixels
from pipeline.watermark import read_mark
from tests.photos import HOPPER, MONA_LISA
from tests.pipeline.watermark import clips

_VIDEOS, _PICTURES = {".mp4", ".webm", ".mov"}, {".jpg", ".jpeg", ".png", ".webp"}
_NAMES = ("astronaut", "brick", "camera", "cat", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field")
_MORE_NAMES = ("immunohistochemistry", "moon", "page", "retina", "rocket", "text", "microaneurysms", "colorwheel")
_CUTS = ((0, 0, 0, 0), (0.3, 0.1, 0.1, 0.2), (0, 0.4, 0.3, 0), (0.45, 0.45, 0, 0), (0.1, 0, 0.4, 0.4))


def main() -> None:
    """Print how many were looked at, how many seemed marked, and how long one takes."""
    start, num_seen, alarms = time.process_time(), 0, list[str]()
    for name, frames in _make_unmarked([Path(name) for name in sys.argv[1:]]):
        num_seen += 1
        if num_seen % 50 == 0:
            sys.stderr.write(f"{num_seen} ...\n")
        if reading := read_mark(clips.sample(frames, 20)):
            alarms.append(f"{name}: {reading}")
    seconds = (time.process_time() - start) / num_seen
    sys.stdout.write(f"{num_seen} without mark, {len(alarms)} false alarms, {seconds:.2f} s each\n")
    sys.stdout.writelines(f"{alarm}\n" for alarm in alarms)


def _make_unmarked(paths: list[Path]) -> Iterator[tuple[str, Pixels]]:
    """Yield names and frames; a picture is one frame."""
    yield from _synthesise()
    for name, frames in _open_all(paths):
        for cut in _CUTS:
            part = clips.crop(frames, *cut)
            yield f"{name} {cut}", part
            yield f"{name} {cut}, half", np.stack(clips.resize(part, 0.5))
            yield f"{name} {cut}, JPEG", np.stack([clips.to_jpeg(part[0], 50)])


def _open_all(paths: list[Path]) -> Iterator[tuple[str, Pixels]]:
    for name in _NAMES + _MORE_NAMES:
        yield name, _to_rgb(getattr(skimage.data, name)())
    files = (file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path]))
    for file in files:
        if file.suffix in _VIDEOS:
            yield file.name, clips.decode(file, 100)[::5]
        elif file.suffix in _PICTURES:
            yield file.name, _to_rgb(np.asarray(Image.open(file).convert("RGB")))
    with tempfile.TemporaryDirectory() as folder:
        yield "portrait", clips.make_preview(HOPPER, "auto", Path(folder))[::5]
        yield "painting", clips.make_preview(MONA_LISA, "9:16", Path(folder))[::5]
    yield "moving", clips.make_moving(100)[::5]


def _to_rgb(picture: Pixels) -> Pixels:
    pixels = picture if picture.ndim == 3 else np.stack([picture] * 3, axis=-1)
    return np.ascontiguousarray(pixels[None, ..., :3])


def _synthesise() -> Iterator[tuple[str, Pixels]]:
    generator = np.random.default_rng(1)
    for index in range(120):
        size = (int(generator.integers(200, 900)), int(generator.integers(200, 900)))
        yield f"noise {index}", _make_noise(generator, size, blur=generator.uniform(0, 6))
        yield f"gradient {index}", _make_gradient(generator, size)


def _make_noise(generator: np.random.Generator, size: tuple[int, int], blur: float) -> Pixels:
    noise = generator.normal(0, 1, (*size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), blur) if blur > 0.3 else noise
    return np.clip(128 + smooth * 40 / smooth.std(), 0, 255).astype(np.uint8)[None]


def _make_gradient(generator: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """Return a gradient with waves of any direction, which are what the mark is made of."""
    down, across = np.mgrid[: size[0], : size[1]].astype(np.float32)
    picture = 60 + 120 * across / size[1]
    for _ in range(generator.integers(1, 12)):
        period, angle = generator.uniform(4, 60), generator.uniform(0, np.pi)
        wave = np.sin(2 * np.pi * (across * np.cos(angle) + down * np.sin(angle)) / period)
        picture += generator.uniform(1, 12) * wave
    return _to_rgb(np.clip(picture, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main()
