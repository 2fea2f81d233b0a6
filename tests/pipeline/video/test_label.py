"""The words that say in the picture what made it."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.engine import Reporter
from pipeline.generate import make_video, prepare_scene
from pipeline.preview.engine import PreviewEngine
from pipeline.preview.mark import make_mark
from pipeline.request import VideoRequest
from pipeline.scene import Scene
from pipeline.types import Box, Face, FrameSize, Pixels, Progress
from pipeline.video import Label, make_label, write_poster
from tests.photos import HOPPER
from tests.voices import SPEAKER

SIZES = [FrameSize(832, 480), FrameSize(480, 832), FrameSize(640, 640), FrameSize(1280, 720), FrameSize(320, 320)]
PHONE_WIDTH, LEAST_TEXT = 390, 10
READABLE = 4.5


class StillEngine(PreviewEngine):
    """Shows the photo unmoved: one array that must not be written to."""

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        report(Progress("frames", 0, scene.num_frames, 0.0))
        yield scene.source.read_frames(0, scene.num_frames)


def find_part(label: Label) -> tuple[slice, slice]:
    height, width = label.clear.shape[:2]
    return slice(label.top, label.top + height), slice(label.left, label.left + width)


def place_face(x: float, y: float, width: float, height: float) -> Face:
    return Face(Box(x, y, x + width, y + height), 0.9, np.zeros((478, 3), np.float32))


def measure_contrast(first: Pixels, second: Pixels) -> float:
    """Return the ratio of two colours' luminances, as WCAG has it."""
    linear = [((color / 255 + 0.055) / 1.055) ** 2.4 @ (0.2126, 0.7152, 0.0722) for color in (first, second)]
    return float((max(linear) + 0.05) / (min(linear) + 0.05))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("background", [0, 128, 255])
def test_it_is_inside_and_readable_on_any_background_and_on_an_upright_phone(size: FrameSize, background: int) -> None:
    frame = np.full((size.height, size.width, 3), background, np.uint8)
    label = make_label(size, [], draft=False)
    label.draw(frame)
    part = frame[find_part(label)]
    assert part.shape[:2] == label.clear.shape[:2]
    text, pill = part.reshape(-1, 3)[part.sum(axis=2).argmax()], part[len(part) // 2, len(part) // 3 // 2]
    assert measure_contrast(text, pill) > READABLE
    assert 0.56 * len(part) * min(1, PHONE_WIDTH / size.width) > LEAST_TEXT


@pytest.mark.parametrize(
    ("face", "draft", "place"),
    [
        (place_face(330, 80, 170, 230), False, "top right"),
        (place_face(600, 0, 200, 200), False, "top left"),
        (place_face(20, 10, 790, 200), False, "bottom right"),
        (place_face(100, -40, 900, 460), False, "bottom left"),
        (place_face(100, -40, 900, 460), True, "bottom right"),
    ],
)
def test_it_keeps_off_faces_and_off_the_previews_own_word(face: Face, place: str, *, draft: bool) -> None:
    size = SIZES[0]
    rows, columns = find_part(make_label(size, [face], draft=draft))
    assert (
        "top" if rows.start < size.height / 2 else "bottom",
        "left" if columns.start < size.width / 2 else "right",
    ) == (tuple(place.split()))
    own = find_part(make_mark(size))
    assert not draft or rows.stop <= own[0].start or columns.start >= own[1].stop


def test_every_frame_and_the_poster_have_it_and_nothing_else_is_changed(tmp_path: Path) -> None:
    frames: dict[str, list[Pixels]] = {}
    request, inputs = VideoRequest(max_duration_sec=1.2, seed=7, aspect="9:16"), {"image": HOPPER, "audio": SPEAKER}
    for label in ("off", "on"):
        video, poster = tmp_path / f"{label}.mp4", tmp_path / f"{label}.jpg"
        make_video(VideoRequest(**vars(request) | {"label": label}), inputs, StillEngine(), video, lambda _: None)
        write_poster(video, poster)
        with av.open(video) as container, av.open(poster) as picture:
            read = [*container.decode(video=0), *picture.decode(video=0)]
            frames[label] = [frame.to_ndarray(format="rgb24") for frame in read]
    scene = prepare_scene(request, inputs)
    part = find_part(make_label(scene.source.size, [scene.speakers[0].face], draft=True))
    assert len(frames["on"]) == 31
    for without, labelled in zip(frames["off"], frames["on"], strict=True):
        changed = np.abs(without.astype(int) - labelled).max(axis=2)
        assert np.median(changed[part]) > 40
        changed[part] = 0
        assert (changed > 24).mean() < 0.002
