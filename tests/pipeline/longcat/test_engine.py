"""The engine behind the protocol: lengths, releases, people, the LoRA's strength, progress and cancellation."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine import EngineSettings
from pipeline.errors import EngineError, GenerationCancelledError
from pipeline.longcat.checkpoint import LAYOUT
from pipeline.longcat.engine import LongCatEngine
from pipeline.longcat.profiles import PROFILES
from pipeline.longcat.runtime import choose_lora, load_runtime
from pipeline.longcat.weights import WEIGHTS
from pipeline.profiles import Sampling
from pipeline.scene import Scene
from pipeline.types import Box, Face, Pixels, Progress
from pipeline.weights.variants import prepare_variant

MakeScene = Callable[..., Scene]
LoadEngine = Callable[..., LongCatEngine]

FACES = tuple(
    Face(Box(left, top, left + 40, top + 40), 1.0, np.zeros((478, 3), np.float32))
    for left, top in ((4, 4), (84, 4), (4, 84), (84, 84))
)


def ignore(progress: Progress) -> None:
    del progress


def generate(engine: LongCatEngine, scene: Scene) -> Pixels:
    return np.concatenate(list(engine.generate(scene, ignore)))


@pytest.mark.parametrize(("seconds", "num_frames"), [(1.1, 27), (3.76, 94)])
def test_makes_every_frame_of_the_speech(
    engine: LongCatEngine, make_scene: MakeScene, seconds: float, num_frames: int
) -> None:
    frames = generate(engine, make_scene(seconds))
    assert (frames.shape, frames.dtype) == ((num_frames, 128, 128, 3), np.uint8)


@pytest.mark.parametrize("release", ["1.5", "1.5-int8"])
def test_the_loras_strength_is_a_setting_of_every_form_of_the_weights(
    load_engine: LoadEngine, make_scene: MakeScene, release: str
) -> None:
    scene = make_scene(1.1)
    none, some, whole = (generate(load_engine(release, dmd_scale=scale), scene) for scale in (0.0, 0.3, 1.0))
    assert not np.array_equal(none, whole)
    # The more of it, the further from the weights alone.
    assert 0 < np.abs(some - none.astype(float)).mean() < np.abs(whole - none.astype(float)).mean()


def test_the_loras_strength_counts_beside_a_variant_that_has_it(prepared: dict[str, Path], tmp_path: Path) -> None:
    weights = shutil.copytree(prepared["1.5"], tmp_path / "longcat")
    prepare_variant(weights, WEIGHTS.get_variant("dmd"), LAYOUT)

    def load(folder: Path) -> torch.Tensor:
        runtime = load_runtime(EngineSettings(folder, "cpu", dmd_scale=0.3), ignore)
        runtime.lora.choose(choose_lora(PROFILES[0], 0.3), ignore)
        weight: torch.Tensor = runtime.models.transformer.blocks[0].attn.qkv.weight
        return weight

    assert torch.equal(load(weights), load(prepared["1.5"]))


def test_int8_is_near_to_bf16(load_engine: LoadEngine, engine: LongCatEngine, make_scene: MakeScene) -> None:
    exact, coarse = (generate(one, make_scene(1.1)).astype(float) for one in (engine, load_engine("1.5-int8")))
    assert 0 < np.abs(exact - coarse).mean() < 0.2 * np.abs(exact - exact.mean()).mean()


@pytest.mark.parametrize("precision", ["int8", "fp8"])
def test_other_weights_can_be_quantised_while_they_load(
    load_engine: LoadEngine, make_scene: MakeScene, precision: str
) -> None:
    assert len(generate(load_engine(precision=precision), make_scene(1.1))) == 27


def test_the_first_version_makes_sixteen_frames_a_second(load_engine: LoadEngine, make_scene: MakeScene) -> None:
    engine, scene = load_engine("1.0"), make_scene(1.5, steps=3, guidance=4.0)
    with pytest.raises(EngineError, match="makes 16 frames a second, not 25"):
        generate(engine, scene)
    (speaker,) = scene.speakers
    slow = replace(scene, frame_rate=16, num_frames=24, speakers=(replace(speaker, activity=speaker.activity[:24]),))
    assert generate(engine, slow).shape == (24, 128, 128, 3)


@pytest.mark.parametrize(("num_faces", "num_speakers"), [(2, 1), (2, 2), (3, 2), (4, 3)])
def test_a_voice_moves_the_picture_of_several_people(
    engine: LongCatEngine, make_scene: MakeScene, num_faces: int, num_speakers: int
) -> None:
    scene = make_scene(1.1, faces=FACES[:num_faces], num_speakers=num_speakers)
    frames = generate(engine, scene)
    last = scene.speakers[-1]
    silent = replace(last, waveform=np.zeros_like(last.waveform), activity=np.zeros_like(last.activity))
    other = generate(engine, replace(scene, speakers=(*scene.speakers[:-1], silent)))
    assert frames.shape == (27, 128, 128, 3)
    assert not np.array_equal(frames, other)


def test_sound_after_the_last_whole_segment_is_heard(engine: LongCatEngine, make_scene: MakeScene) -> None:
    scene = make_scene(4.2)
    (speaker,) = scene.speakers
    cut = speaker.waveform.copy()
    cut[int(3.9 * 16_000) :] = 0
    whole, shorter = (generate(engine, replace(scene, speakers=(replace(speaker, waveform=one),)))
                      for one in (speaker.waveform, cut))  # fmt: skip
    assert not np.array_equal(whole[93:], shorter[93:])


def test_a_seed_repeats_a_video_bit_for_bit(engine: LongCatEngine, make_scene: MakeScene) -> None:
    first, again, other = (generate(engine, make_scene(1.1, steps=2, guidance=2.0, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_prompt_and_the_voice_reach_the_model(engine: LongCatEngine, make_scene: MakeScene) -> None:
    scene = make_scene(1.1)
    (speaker,) = scene.speakers
    prompted = replace(scene, prompt="An old man laughs on a bench.")
    quieter = replace(scene, speakers=(replace(speaker, waveform=0.5 * speaker.waveform),))
    usual, other, quiet = (generate(engine, one).astype(int) for one in (scene, prompted, quieter))
    assert not np.array_equal(usual, other)
    # However loud it is recorded, it is brought to one loudness.
    assert np.abs(usual - quiet).mean() < 0.1 * np.abs(usual - other).mean()


def test_progress_goes_by_step_and_by_decoded_frame(engine: LongCatEngine, make_scene: MakeScene) -> None:
    told: list[Progress] = []
    list(engine.generate(make_scene(4.2, steps=3), told.append))
    steps = [(one.step, one.num_steps) for one in told if one.stage == "denoising"]
    assert steps == [(step, 6) for step in range(6)]
    assert [one.percent for one in told] == sorted(one.percent for one in told)
    decoding = [one for one in told if one.stage == "frames"]
    assert (decoding[-1].step, decoding[-1].percent) == (105, pytest.approx(100))


@pytest.mark.parametrize(("stage", "num_passes"), [("conditioning", 0), ("denoising", 1), ("frames", 4)])
def test_stops_at_the_step_where_it_is_cancelled(
    engine: LongCatEngine, make_scene: MakeScene, stage: str, num_passes: int
) -> None:
    passes = 0

    def count(_: object, given: tuple[object, ...], __: object) -> None:
        nonlocal passes
        passes += given[1] is not None  # has a timestep

    def cancel(progress: Progress) -> None:
        if progress.stage == stage and progress.step == (0 if stage == "frames" else 1):
            raise GenerationCancelledError

    hook = engine._runtime.models.transformer.register_forward_hook(count)
    with pytest.raises(GenerationCancelledError):
        list(engine.generate(make_scene(1.1, steps=4), cancel))
    hook.remove()
    assert passes == num_passes
    assert len(generate(engine, make_scene(1.1))) == 27


def test_short_memory_is_explained(engine: LongCatEngine, make_scene: MakeScene) -> None:
    def run_short(progress: Progress) -> None:
        raise torch.OutOfMemoryError(progress.stage)

    with pytest.raises(EngineError, match=r"Use the profile longcat, or the release 1\.5-int8"):
        list(engine.generate(make_scene(1.1), run_short))


def test_a_frame_of_another_grid_is_refused(engine: LongCatEngine, make_scene: MakeScene) -> None:
    with pytest.raises(EngineError, match="Expected a frame with sides that 64 divides, got 100 x 100"):
        generate(engine, make_scene(1.1, side=100))


def test_the_numbers_of_a_request_reach_the_model(engine: LongCatEngine, make_scene: MakeScene) -> None:
    scene = make_scene(1.1, steps=2)
    timesteps: list[float] = []
    hook = engine._runtime.models.transformer.register_forward_pre_hook(
        lambda _, given: None if given[1] is None else timesteps.append(float(given[1]))
    )
    guided = replace(scene, sampling=Sampling(2, 1.0, 3.0))
    generate(engine, scene)
    generate(engine, guided)
    hook.remove()
    assert len(timesteps) == 2 + 3 * 2
    # 7 u / (1 + 6 u) of u = 1 and u = 1 - 500 / 999.
    assert timesteps[:2] == pytest.approx([1000, 875.0], abs=1)
