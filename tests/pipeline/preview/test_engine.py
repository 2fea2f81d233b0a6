"""The preview from voice to frames."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.engines import PROFILES, get_profile
from pipeline.errors import GenerationCancelledError
from pipeline.preview.engine import PreviewEngine
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress
from tests.photos import HOPPER, MONA_LISA
from tests.scenes import HIBARI, JOE, load_portrait, load_voice, make_scene, make_speech
from tests.sync import measure_sync


def run(scene: Scene) -> tuple[Pixels, list[Progress]]:
    progress: list[Progress] = []
    return np.concatenate(list(PreviewEngine().generate(scene, progress.append))), progress


@pytest.mark.parametrize(("photo", "voice"), [(HOPPER, JOE), (MONA_LISA, HIBARI)])
def test_the_mouth_follows_the_voice(photo: Path, voice: Path) -> None:
    speech = load_voice(voice, 5)
    frames, _ = run(make_scene(load_portrait(photo), speech))
    sync = measure_sync(frames, speech.waveform)
    assert sync.correlation >= 0.8
    assert abs(sync.lag_milliseconds) <= 40


def test_makes_all_frames_and_reports_them() -> None:
    scene = make_scene(load_portrait(), load_voice(seconds=2.3))
    frames, progress = run(scene)
    assert frames.shape == (57, 480, 832, 3)
    percents = [step.percent for step in progress]
    assert percents == sorted(percents)
    assert progress[-1] == Progress("frames", 57, 57, 100.0)


def test_the_same_seed_gives_the_same_bytes() -> None:
    portrait, speech = load_portrait(), load_voice(seconds=1.5)
    first, again, other = (run(make_scene(portrait, speech, seed))[0] for seed in (3, 3, 4))
    assert (first == again).all()
    assert not (first == other).all()


def test_frames_come_in_small_batches() -> None:
    scene = make_scene(load_portrait(), load_voice(seconds=2))
    assert max(len(batch) for batch in PreviewEngine().generate(scene, lambda _: None)) <= 10


def test_cancels_between_batches() -> None:
    def cancel(progress: Progress) -> None:
        if progress.stage == "frames":
            raise GenerationCancelledError

    frames = PreviewEngine().generate(make_scene(load_portrait(), load_voice(seconds=2)), cancel)
    with pytest.raises(GenerationCancelledError):
        list(frames)


@pytest.mark.parametrize("num_samples", [16_000, 16_639])
def test_makes_a_video_of_the_shortest_voice(num_samples: int) -> None:
    speech = make_speech(load_voice().waveform[:num_samples])
    assert len(run(make_scene(load_portrait(), speech))[0]) == len(speech.activity)


@pytest.mark.parametrize("profile", PROFILES)
def test_serves_the_preview_profile_and_no_other(profile: str) -> None:
    availability = PreviewEngine().availability(get_profile(profile))
    assert availability.available is (profile == "preview")
    assert availability.available or availability.reason
