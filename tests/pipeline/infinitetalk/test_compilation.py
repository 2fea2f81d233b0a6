"""Compiling the blocks: once for every size, and not at all where the compiler fails."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.latents import order_for_gpu
from pipeline.engine import EngineSettings
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.compilation import compile_transformer
from pipeline.infinitetalk.runtime import load_runtime
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel
from pipeline.scene import Scene
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.loading import load_component

CPU = torch.device("cpu")


@pytest.fixture
def transformer(prepared: Path) -> InfiniteTalkTransformer3DModel:
    return load_component(open_checkpoint(prepared, LAYOUT).components["transformer"], CPU, lambda _: None)


def compile_eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find graphs without making code of them, and count them anew."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager", fullgraph=True))
    torch._dynamo.reset()
    counters.clear()


@torch.no_grad()
def predict(
    transformer: InfiniteTalkTransformer3DModel, num_latent_frames: int, side: int, num_people: int = 1
) -> torch.Tensor:
    config, dtype = transformer.config, transformer.compute_dtype
    torch.manual_seed(0)
    num_frames = 4 * (num_latent_frames - 1) + 1
    shapes = (
        (1, 512, config.text_dim),
        (1, 257, config.image_dim),
        (1, min(num_people, 2), num_frames, config.audio_window, config.audio_layers, config.audio_channels),
    )
    context = Conditioning(*(AttentionContext(torch.randn(shape, dtype=dtype)) for shape in shapes))
    if num_people > 1:
        masks = torch.eye(side // 2)[:num_people, None].expand(-1, side // 2, -1)
        context = replace(context, speaker_masks=masks, seats=torch.randint(0, 2, (num_latent_frames, num_people)))
    latents = torch.randn(1, config.in_channels, num_latent_frames, side, side, dtype=dtype)
    return transformer(latents, torch.full((1,), 500.0), context)


def test_one_graph_serves_all_blocks_and_sizes(
    transformer: InfiniteTalkTransformer3DModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_eagerly(monkeypatch)
    sizes = ((3, 8), (5, 12))
    plain = [predict(transformer, *size) for size in sizes]
    assert compile_transformer(transformer, CPU)
    compiled = [predict(transformer, *size) for size in sizes]
    torch.testing.assert_close(compiled, plain)
    assert counters["stats"]["unique_graphs"] == 1


def test_one_more_graph_serves_any_number_of_people(
    transformer: InfiniteTalkTransformer3DModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_eagerly(monkeypatch)
    sizes = ((7, 8, 1), (5, 12, 2), (3, 10, 5))
    plain = [predict(transformer, *size) for size in sizes]
    assert compile_transformer(transformer, CPU, with_people=True)
    compiled = [predict(transformer, *size) for size in sizes]
    torch.testing.assert_close(compiled, plain)
    assert counters["stats"]["unique_graphs"] == 2


def test_a_video_of_two_clips_needs_no_other_graph(
    prepared: Path, make_scene: Callable[..., Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_eagerly(monkeypatch)
    runtime = load_runtime(EngineSettings(prepared, "cpu"), lambda _: None)
    order_for_gpu(runtime.models.vae)
    assert compile_transformer(runtime.models.transformer, CPU)
    # At 64 pixels, the tiny VAE leaves one token a frame, and torch would tell as many frames as tokens apart.
    scene = make_scene(3.5, "balanced", steps=2, guidance=2.0, side=128)
    assert sum(len(clip.frames) for clip in runtime.generate(scene, lambda _: None)) == scene.num_frames
    assert counters["stats"]["unique_graphs"] == 1


def test_stays_as_it_was_where_the_compiler_fails(
    transformer: InfiniteTalkTransformer3DModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Callable[..., Any]:
        raise RuntimeError("no C compiler")

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=fail))
    plain = predict(transformer, 3, 8)
    assert not compile_transformer(transformer, CPU)
    assert torch.equal(predict(transformer, 3, 8), plain)
    assert "no C compiler" in caplog.text
