"""Profiles with a LoRA, and from one to another."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.engine import EngineSettings
from pipeline.engines import get_profile
from pipeline.errors import GenerationCancelledError, WeightsError
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.infinitetalk.models import load_models
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.scene import Scene
from pipeline.types import Progress
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.lora_switcher import LoraSwitcher
from pipeline.weights.spec import AddedLora

# What profiles ask for.
LORAS = {"turbo": AddedLora("lightx2v", 1.0), "fast_lora": AddedLora("fusionix", 1.2)}
WEIGHT = "blocks.0.ffn.net.0.proj.weight"


def write_lora(folder: Path, name: str, transformer: InfiniteTalkTransformer3DModel, seed: int) -> torch.Tensor:
    """Write a LoRA of one layer; return what it adds."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = transformer.get_parameter(WEIGHT).shape
    down, up = torch.randn(2, columns, generator=generator), torch.randn(rows, 2, generator=generator)
    path = folder / "loras" / name / "released" / "lora.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    key = "diffusion_model.blocks.0.ffn.0"
    save_file({f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}, path)
    return up @ down


def open_switcher(prepared: Path, transformer: InfiniteTalkTransformer3DModel, loras: Path) -> LoraSwitcher:
    component = open_checkpoint(prepared, LAYOUT).components["transformer"]
    return LoraSwitcher(transformer, component, loras, LAYOUT.read_lora)


@pytest.fixture
def transformer(prepared: Path) -> InfiniteTalkTransformer3DModel:
    checkpoint = open_checkpoint(prepared, LAYOUT)
    models = load_models(checkpoint, torch.device("cpu"), offloaded=False, report=lambda _: None)
    return models.transformer


def test_every_profile_gets_the_stored_weights_and_its_own_lora(
    prepared: Path, transformer: InfiniteTalkTransformer3DModel, tmp_path: Path
) -> None:
    lightx2v = write_lora(tmp_path, "lightx2v", transformer, seed=1)
    fusionix = write_lora(tmp_path, "fusionix", transformer, seed=2)
    stored = transformer.get_parameter(WEIGHT).clone()
    switcher = LoraSwitcher(
        transformer, open_checkpoint(prepared, LAYOUT).components["transformer"], tmp_path, LAYOUT.read_lora
    )
    added = {"turbo": lightx2v, "fast_lora": 1.2 * fusionix, "fast": torch.zeros(1), "quality": torch.zeros(1)}
    for name in ("turbo", "fast_lora", "turbo", "fast", "quality"):
        switcher.choose(LORAS.get(name), lambda _: None)
        assert torch.equal(transformer.get_parameter(WEIGHT), (stored.float() + added[name]).to(stored.dtype))


def test_a_missing_lora_is_named_and_leaves_none(
    prepared: Path, transformer: InfiniteTalkTransformer3DModel, tmp_path: Path
) -> None:
    added = write_lora(tmp_path, "lightx2v", transformer, seed=1)
    stored = transformer.get_parameter(WEIGHT).clone()
    switcher = LoraSwitcher(
        transformer, open_checkpoint(prepared, LAYOUT).components["transformer"], tmp_path, LAYOUT.read_lora
    )
    switcher.choose(LORAS.get("turbo"), lambda _: None)
    with pytest.raises(WeightsError, match="loras/fusionix"):
        switcher.choose(LORAS.get("fast_lora"), lambda _: None)
    assert torch.equal(transformer.get_parameter(WEIGHT), stored)
    # The profile before gets its LoRA again, though it was the last one that had it.
    switcher.choose(LORAS.get("turbo"), lambda _: None)
    assert torch.equal(transformer.get_parameter(WEIGHT), (stored.float() + added).to(stored.dtype))


def test_what_was_half_changed_is_restored_for_the_next_profile(
    prepared: Path, transformer: InfiniteTalkTransformer3DModel, tmp_path: Path
) -> None:
    component = open_checkpoint(prepared, LAYOUT).components["transformer"]
    stored = dict(component.tensors())
    last = next(reversed(stored))

    def break_off(name: str, tensor: torch.Tensor) -> Iterable[tuple[str, torch.Tensor]]:
        if name == last:
            raise WeightsError("The file is cut off.")
        return [(name, tensor + 1)]

    switcher = LoraSwitcher(
        transformer, component, tmp_path, LAYOUT.read_lora, lambda _: replace(component, convert=break_off)
    )
    with pytest.raises(WeightsError, match="cut off"):
        switcher.choose(LORAS.get("turbo"), lambda _: None)
    assert not torch.equal(transformer.get_parameter(WEIGHT), stored[WEIGHT])
    switcher.choose(LORAS.get("fast"), lambda _: None)
    assert torch.equal(transformer.get_parameter(WEIGHT), stored[WEIGHT])


def test_reading_weights_again_is_told_and_can_be_cancelled(
    prepared: Path, transformer: InfiniteTalkTransformer3DModel, tmp_path: Path
) -> None:
    write_lora(tmp_path, "lightx2v", transformer, seed=1)
    stored = transformer.get_parameter(WEIGHT).clone()
    told: list[Progress] = []

    def cancel(progress: Progress) -> None:
        raise GenerationCancelledError

    switcher = LoraSwitcher(
        transformer, open_checkpoint(prepared, LAYOUT).components["transformer"], tmp_path, LAYOUT.read_lora
    )
    switcher.choose(LORAS.get("turbo"), told.append)
    assert not told
    with pytest.raises(GenerationCancelledError):
        switcher.choose(LORAS.get("fast"), cancel)
    switcher.choose(LORAS.get("fast"), told.append)
    assert torch.equal(transformer.get_parameter(WEIGHT), stored)
    assert {progress.stage for progress in told} == {"loading"}
    assert told[-1].percent == 100


def test_a_profile_without_its_lora_says_where_to_put_it(prepared: Path) -> None:
    availability = InfiniteTalkEngine(EngineSettings(prepared, "cpu")).availability(get_profile("turbo"))
    assert not availability.available
    assert "loras/lightx2v" in availability.reason


@pytest.mark.parametrize("precision", ["fp8", "int8"])
def test_makes_a_video_with_a_lora_on_weights_of_8_bits(
    own_weights: Path, make_scene: Callable[..., Scene], precision: str
) -> None:
    engine = InfiniteTalkEngine(EngineSettings(own_weights, "cpu", precision=precision))
    engine.load(lambda _: None)
    plain = np.concatenate(list(engine.generate(make_scene(1.1, "fast"), lambda _: None)))
    write_lora(own_weights, "lightx2v", engine._runtime.models.transformer, seed=1)
    assert engine.availability(get_profile("turbo")).available
    turbo = np.concatenate(list(engine.generate(make_scene(1.1, "turbo"), lambda _: None)))
    assert turbo.shape == plain.shape == (27, 64, 64, 3)
    assert not np.array_equal(turbo, plain)
