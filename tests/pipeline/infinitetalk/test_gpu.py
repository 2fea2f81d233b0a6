"""What only a GPU can show, with the tiny model; skipped where there is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine import EngineSettings, Precision
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress
from tests.pipeline.infinitetalk.test_lora_switcher import write_lora
from tests.pipeline.infinitetalk.test_people import FACES, SIDE

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

MakeScene = Callable[..., Scene]


@pytest.fixture(scope="module")
def gpu_engine(prepared: Path) -> InfiniteTalkEngine:
    return load(EngineSettings(prepared, "cuda:0"))


def load(settings: EngineSettings) -> InfiniteTalkEngine:
    engine = InfiniteTalkEngine(settings)
    engine.load(ignore)
    return engine


def ignore(progress: Progress) -> None:
    del progress


def generate(engine: InfiniteTalkEngine, scene: Scene) -> Pixels:
    return np.concatenate(list(engine.generate(scene, ignore)))


def differ(one: Pixels, other: Pixels) -> float:
    """Return the mean difference in levels."""
    return float(np.abs(one.astype(np.float32) - other).mean())


def test_makes_the_video_that_the_cpu_makes(
    gpu_engine: InfiniteTalkEngine, engine: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    scene = make_scene(3.5, "balanced", steps=2, guidance=2.0)
    assert differ(generate(gpu_engine, scene), generate(engine, scene)) < 2


def test_a_seed_repeats_a_video_bit_for_bit(gpu_engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    scene = make_scene(1.1, steps=2, guidance=2.0)
    assert np.array_equal(generate(gpu_engine, scene), generate(gpu_engine, scene))


def test_offloaded_weights_make_the_same_video(gpu_engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    at_once, offloaded, again = (
        generate(gpu_engine, make_scene(1.1, profile, steps=7, guidance=2.0))
        for profile in ("fast", "low_vram", "fast")
    )
    assert np.array_equal(at_once, offloaded)
    assert np.array_equal(at_once, again)


@pytest.mark.parametrize("precision", ["fp8", "int8"])
def test_8_bits_make_nearly_the_same_video(
    prepared: Path, engine: InfiniteTalkEngine, make_scene: MakeScene, precision: Precision
) -> None:
    scene = make_scene(1.1, steps=2)
    frames = generate(load(EngineSettings(prepared, "cuda:0", precision, compiled=False)), scene)
    assert differ(frames, generate(engine, scene)) < 4


@pytest.mark.parametrize("precision", ["bf16", "fp8", "int8"])
def test_weights_that_waited_take_a_lora_and_come_back(
    own_weights: Path, engine: InfiniteTalkEngine, make_scene: MakeScene, precision: Precision
) -> None:
    write_lora(own_weights, "lightx2v", engine._runtime.models.transformer, seed=1)
    scenes = [make_scene(1.1, profile) for profile in ("fast", "low_vram", "turbo", "low_vram", "fast")]
    changing = load(EngineSettings(own_weights, "cuda:0", precision, compiled=False))
    fast, waiting, turbo, *again = (generate(changing, scene) for scene in scenes)
    only_turbo = load(EngineSettings(own_weights, "cuda:0", precision, compiled=False))
    assert np.array_equal(turbo, generate(only_turbo, scenes[2]))
    assert all(np.array_equal(fast, frames) for frames in (waiting, *again))


@pytest.mark.parametrize(("num_speakers", "num_faces"), [(2, 2), (1, 2), (4, 4)])
def test_people_make_the_video_that_the_cpu_makes(
    gpu_engine: InfiniteTalkEngine, engine: InfiniteTalkEngine, make_scene: MakeScene, num_speakers: int, num_faces: int
) -> None:
    scene = make_scene(
        3.5, "balanced", steps=2, guidance=2.0, side=SIDE, faces=FACES[:num_faces], num_speakers=num_speakers
    )
    assert differ(generate(gpu_engine, scene), generate(engine, scene)) < 4


@pytest.mark.parametrize("precision", ["bf16", "fp8", "int8"])
def test_people_come_and_go_and_leave_the_single_person_as_it_was(
    prepared: Path, make_scene: MakeScene, precision: Precision
) -> None:
    engine = load(EngineSettings(prepared, "cuda:0", precision, compiled=False))
    alone = make_scene(1.1, "fast", side=SIDE, faces=FACES[:1])
    pair = make_scene(1.1, "low_vram", side=SIDE, faces=FACES[:2], num_speakers=2)
    first, together, again, together_again = (generate(engine, scene) for scene in (alone, pair, alone, pair))
    assert np.array_equal(first, again)
    assert np.array_equal(together, together_again)


def test_compiling_changes_nothing_that_is_seen(
    prepared: Path, gpu_engine: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    scene = make_scene(1.1, steps=2)
    plain = load(EngineSettings(prepared, "cuda:0", compiled=False))
    assert differ(generate(gpu_engine, scene), generate(plain, scene)) < 1
