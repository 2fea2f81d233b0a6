"""A run that takes over from one that was cut off goes on from the last finished clip, to the same file."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.checkpoint import ClipPlace, open_clips
from pipeline.engine import EngineSettings
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.scene import Scene
from tests.pipeline.resuming import Maker

THREE_CLIPS = 6.2


@pytest.fixture(scope="module")
def scene(make_scene: Callable[..., Scene]) -> Scene:
    return make_scene(THREE_CLIPS, steps=1)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that is cut off when its first clip is finished."""
    return tmp_path_factory.mktemp("cut") / "job"


@pytest.fixture(scope="module")
def whole(engine: InfiniteTalkEngine, scene: Scene, cut: Path) -> bytes:
    """The video of a run that is not."""
    return Maker(engine, scene, cut.with_name("whole")).run_past(1, cut)


@pytest.fixture
def left(whole: bytes, cut: Path, tmp_path: Path) -> Path:
    return shutil.copytree(cut, tmp_path / "job")


def test_goes_on_after_each_clip_to_the_same_file(
    engine: InfiniteTalkEngine, scene: Scene, whole: bytes, left: Path
) -> None:
    made = Maker(engine, scene, left)
    made.run_to(2)
    assert made.run() == whole
    assert made.steps == {1: 1, 2: 2}
    assert made.watched
    assert made.watched.items() <= made.live.items()


def count(place: Path, scene: Scene, engine: InfiniteTalkEngine) -> int:
    """Return how many clips are believed; the folder stays as it is."""
    copy = shutil.copytree(place / "checkpoint", place / "copy")
    clips = open_clips(ClipPlace(copy), scene, engine)
    assert copy.exists() == (clips.num_clips > 0)
    shutil.rmtree(copy, ignore_errors=True)
    return clips.num_clips


@pytest.mark.parametrize("name", ["0.nut", "1.state", "clips.json"])
def test_believes_no_clips_that_are_damaged(engine: InfiniteTalkEngine, scene: Scene, left: Path, name: str) -> None:
    assert count(left, scene, engine) == 1
    clip = left / "checkpoint" / name
    clip.write_bytes(clip.read_bytes()[:-1] + b"?")
    assert count(left, scene, engine) == 0


def test_believes_only_clips_of_the_same_scene_and_weights(
    engine: InfiniteTalkEngine, scene: Scene, left: Path, prepared: Path
) -> None:
    other = InfiniteTalkEngine(EngineSettings(prepared, "cpu", precision="fp8"))
    assert count(left, scene, engine) == 1
    assert count(left, replace(scene, notices=(), sound=replace(scene.sound, path=Path("elsewhere"))), engine) == 1
    assert count(left, replace(scene, seed=8), engine) == 0
    assert count(left, replace(scene, prompt="x"), engine) == 0
    assert count(left, scene, other) == 0
