"""The engine behind the protocol: lengths, seeds, progress, cancellation, and what is computed how often."""

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.diffusion.clips import plan_clips
from pipeline.engine import EngineSettings
from pipeline.errors import EngineError, GenerationCancelledError
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.scene import Scene, Still
from pipeline.types import FRAME_RATE, Pixels, Progress

MakeScene = Callable[..., Scene]


def ignore(progress: Progress) -> None:
    del progress


def generate(engine: InfiniteTalkEngine, scene: Scene) -> Pixels:
    return np.concatenate(list(engine.generate(scene, ignore)))


@pytest.mark.parametrize(
    ("num_frames", "mode", "clip_frames", "num_clips"),
    [
        (25, "clip", 25, 1),
        (27, "clip", 29, 1),
        (81, "clip", 81, 1),
        (125, "clip", 125, 1),
        (126, "clip", 81, 2),
        (27, "streaming", 81, 1),
        (81, "streaming", 81, 1),
        (82, "streaming", 81, 2),
        (153, "streaming", 81, 2),
        (154, "streaming", 81, 3),
        (1500, "streaming", 81, 21),
    ],
)
def test_plans_clips_that_give_every_frame_once(num_frames: int, mode: str, clip_frames: int, num_clips: int) -> None:
    plan = plan_clips(num_frames, mode)
    frames = [
        start + index
        for start, new in zip(plan.starts, plan.new_frames(), strict=True)
        for index in range(num_frames)[new]
    ]
    assert (plan.clip_frames, len(plan.starts)) == (clip_frames, num_clips)
    assert frames == list(range(num_frames))


# Where their plans change: a profile makes one clip of up to 5 s, or clips of 3.24 s.
@pytest.mark.parametrize(
    ("seconds", "profile"), [(5.0, "fast"), (5.04, "fast"), (1.1, "balanced"), (3.24, "balanced"), (3.28, "balanced")]
)
def test_makes_every_frame_of_the_speech(
    engine: InfiniteTalkEngine, make_scene: MakeScene, seconds: float, profile: str
) -> None:
    frames = generate(engine, make_scene(seconds, profile))
    assert frames.shape == (round(seconds * FRAME_RATE - 0.49), 64, 64, 3)
    assert frames.dtype == np.uint8


def test_memory_does_not_grow_from_clip_to_clip(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    alive = [count_alive_bytes() for _ in engine.generate(make_scene(8.0, "balanced"), ignore)]
    assert len(alive) == 3
    assert max(alive[1:]) == alive[1]


def count_alive_bytes() -> int:
    """Return the bytes of all tensors and pictures that something still holds."""
    things = [thing for thing in gc.get_objects() if type(thing) in {torch.Tensor, np.ndarray}]
    return sum(thing.nbytes for thing in things)


def test_a_seed_repeats_a_video_bit_for_bit(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    first, again, other = (generate(engine, make_scene(5.04, steps=2, guidance=2.0, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_offloaded_weights_make_the_same_video(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    at_once, offloaded, again = (
        generate(engine, make_scene(1.1, profile, steps=7, guidance=2.0)) for profile in ("fast", "low_vram", "fast")
    )
    assert np.array_equal(at_once, offloaded)
    assert np.array_equal(at_once, again)


def test_progress_counts_the_steps_of_all_clips(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    told: list[Progress] = []
    list(engine.generate(make_scene(5.04, steps=3), told.append))
    steps = [(one.step, one.num_steps) for one in told if one.stage == "denoising"]
    assert steps == [(step, 6) for step in range(6)]
    assert [one.percent for one in told] == sorted(one.percent for one in told)
    decoding = [one for one in told if one.stage == "frames"]
    assert len({one.percent for one in decoding}) == len(decoding) > 30  # a latent frame of each clip after the other
    assert [one.step for one in decoding] == sorted(one.step for one in decoding)
    assert (decoding[-1].step, decoding[-1].percent) == (126, pytest.approx(100))


@pytest.mark.parametrize("stage", ["conditioning", "denoising", "frames"])
def test_stops_where_it_is_cancelled(engine: InfiniteTalkEngine, make_scene: MakeScene, stage: str) -> None:
    def cancel(progress: Progress) -> None:
        if progress.stage == stage and progress.step == (0 if stage == "frames" else 1):
            raise GenerationCancelledError

    with count_calls(engine, "transformer") as calls, pytest.raises(GenerationCancelledError):
        list(engine.generate(make_scene(1.1, steps=4), cancel))
    assert calls["transformer"] == {"conditioning": 0, "denoising": 1, "frames": 4}[stage]
    assert len(generate(engine, make_scene(1.1))) == 27


def test_short_memory_is_explained(engine: InfiniteTalkEngine, prepared: Path, make_scene: MakeScene) -> None:
    def run_short(progress: Progress) -> None:
        raise torch.OutOfMemoryError(progress.stage)

    with pytest.raises(EngineError, match="Use the profile low_vram"):
        list(engine.generate(make_scene(1.1), run_short))
    with pytest.raises(EngineError, match="Use another precision or GPU"):
        InfiniteTalkEngine(EngineSettings(prepared, "cpu")).load(run_short)


def test_refuses_a_second_job(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    first = engine.generate(make_scene(5.04), ignore)
    next(first)
    with pytest.raises(EngineError, match="one job at a time"):
        next(engine.generate(make_scene(1.1), ignore))
    first.close()
    assert len(generate(engine, make_scene(1.1))) == 27


def test_refuses_to_work_before_it_is_loaded(make_scene: MakeScene) -> None:
    with pytest.raises(EngineError, match="load"):
        generate(InfiniteTalkEngine(EngineSettings()), make_scene(1.1))


def test_loads_once(engine: InfiniteTalkEngine) -> None:
    runtime = engine._runtime
    engine.load(ignore)
    assert engine._runtime is runtime


class count_calls:  # noqa: N801  # used like a function
    """Count the forwards of named parts of the loaded models."""

    def __init__(self, engine: InfiniteTalkEngine, *names: str) -> None:
        self.engine, self.names = engine, names
        self.calls: Counter[str] = Counter()

    def __enter__(self) -> Counter[str]:
        models = self.engine._runtime.models
        parts = {name: getattr(models, name.split(".")[0]).get_submodule(name.partition(".")[2]) for name in self.names}
        self.handles = [
            part.register_forward_hook(lambda *_, name=name: self.calls.update([name]), always_call=True)
            for name, part in parts.items()
        ]
        return self.calls

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()


# Two clips of three steps; three passes a step, of which two hear the voice and two see the negative prompt.
ONCE_A_JOB = {"image_encoder": 1, "text_encoder": 2, "audio_encoder.feature_projection": 1}
ONCE_A_CLIP = {
    "transformer.condition_embedder.image_embedder": 2,
    "transformer.condition_embedder.text_embedder": 4,
    "transformer.audio_proj": 4,
    "transformer.blocks.0.attn2.add_k_proj": 2,
    "transformer.blocks.1.attn2.to_k": 4,
    "transformer.blocks.1.audio_attn.to_kv": 4,
}
EVERY_PASS = {"transformer": 18, "transformer.blocks.1.attn1.to_k": 18}


def test_nothing_is_computed_twice(
    engine: InfiniteTalkEngine, make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[None] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(None))
    expected = ONCE_A_JOB | ONCE_A_CLIP | EVERY_PASS
    with count_calls(engine, *expected) as calls:
        generate(engine, make_scene(5.04, steps=3, guidance=2.0))
    assert calls == expected
    assert not emptied


def test_photo_is_encoded_once_a_job_and_the_frames_between_clips_once_a_clip(
    engine: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    # The VAE's encoder takes a clip's first frame and then four at a time: 21 for the photo's clip of 81 frames, and 3
    # for the 9 frames that each of the two later clips begins with.
    with count_calls(engine, "vae.encoder") as calls:
        generate(engine, make_scene(8.0, "balanced"))
    assert calls["vae.encoder"] == 21 + 2 * 3


def test_one_person_needs_no_map_of_faces(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    masks: list[object] = []
    block = engine._runtime.models.transformer.blocks[0]
    handle = block.register_forward_pre_hook(lambda _, arguments: masks.append(arguments[-1]))
    generate(engine, make_scene(1.1, guidance=2.0))
    handle.remove()
    assert masks == [None] * 3


def test_frame_must_fit_the_model(engine: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    scene = replace(make_scene(1.1), source=Still(np.zeros((50, 64, 3), np.uint8)))
    with pytest.raises(EngineError, match="64 divides, got 64 x 50"):
        generate(engine, scene)
