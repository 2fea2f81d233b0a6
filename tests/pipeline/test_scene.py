"""A scene's parts fit together."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.preview.engine import PreviewEngine
from pipeline.scene import Scene, Speaker, Still
from pipeline.types import FrameSize
from tests.scenes import load_portrait, load_voice, make_scene


@pytest.fixture
def scene() -> Scene:
    return make_scene(load_portrait(), load_voice(seconds=2))


def shorten(speaker: Speaker, num_samples: int = 0, num_frames: int = 0) -> Speaker:
    waveform, activity = speaker.waveform, speaker.activity
    return replace(
        speaker, waveform=waveform[: len(waveform) - num_samples], activity=activity[: len(activity) - num_frames]
    )


def test_a_still_repeats_its_frame() -> None:
    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    frames = Still(frame).read_frames(7, 4)
    assert Still(frame).size == FrameSize(3, 2)
    assert frames.shape == (4, 2, 3, 3)
    assert (frames == frame).all()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_takes_one_to_four_speakers(scene: Scene, count: int) -> None:
    assert len(replace(scene, speakers=scene.speakers * count).speakers) == count


@pytest.mark.parametrize("count", [0, 5])
def test_refuses_no_speakers_and_a_crowd(scene: Scene, count: int) -> None:
    with pytest.raises(ValueError, match=f"Expected 1 to 4 speakers, got {count}"):
        replace(scene, speakers=scene.speakers * count)


@pytest.mark.parametrize(
    ("num_samples", "num_frames", "message"),
    [(1, 0, "fill 50 frames, got one that fills 49"), (0, 1, "activity of 50 frames")],
)
def test_every_voice_is_as_long_as_the_video(scene: Scene, num_samples: int, num_frames: int, message: str) -> None:
    speaker = scene.speakers[0]
    with pytest.raises(ValueError, match=message):
        replace(scene, speakers=(speaker, shorten(speaker, num_samples, num_frames)))


def test_what_follows_the_last_whole_frame_does_no_harm(scene: Scene) -> None:
    speaker = scene.speakers[0]
    longer = replace(speaker, waveform=np.pad(speaker.waveform, (0, 639)))
    assert replace(scene, speakers=(longer,)).num_frames == 50


@pytest.mark.parametrize("frame_rate", [24, 30])
def test_the_preview_is_drawn_at_the_rate_of_the_scene(scene: Scene, frame_rate: int) -> None:
    speaker = replace(scene.speakers[0], activity=np.ones(2 * frame_rate, np.float32))
    other = replace(scene, speakers=(speaker,), frame_rate=frame_rate, num_frames=2 * frame_rate)
    frames = sum(len(batch) for batch in PreviewEngine().generate(other, lambda _: None))
    assert frames == 2 * frame_rate
