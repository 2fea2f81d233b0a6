"""Weights that wait in CPU memory, as far as a machine without a GPU can show it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers.hooks.group_offloading import (
    _restore_torchao_tensor,
    _swap_torchao_tensor,
)
from torch import nn

from pipeline.diffusion.memory import place_models
from pipeline.engine import EngineSettings, Precision
from pipeline.infinitetalk.runtime import load_runtime
from pipeline.scene import Scene
from pipeline.weights.offloading import bring_back, is_offloaded, offload, stop_offloading
from pipeline.weights.quantization import quantize_blocks
from pipeline.weights.spec import AddedLora
from tests.pipeline.infinitetalk.test_lora_switcher import WEIGHT, write_lora

CPU, DEVICE = torch.device("cpu"), torch.device("meta")


@pytest.mark.parametrize("precision", ["fp8", "int8"])
def test_brings_quantised_weights_back_that_have_been_on_the_device(precision: Precision) -> None:
    model = nn.Sequential(nn.Linear(64, 64, dtype=torch.bfloat16).requires_grad_(requires_grad=False))
    quantize_blocks(model, precision, CPU)
    offload(model, "leaf_level", CPU)
    # What diffusers does with a stream, in turn: the weight goes to the device, and gets back what was in CPU memory.
    kept = model[0].weight.clone()
    _swap_torchao_tensor(model[0].weight, kept.to(DEVICE))
    _restore_torchao_tensor(model[0].weight, kept)
    bring_back(model, DEVICE)
    assert model[0].weight.qdata.device == model[0].weight.scale.device == DEVICE


def test_a_lora_is_added_while_no_weight_comes_or_goes(own_weights: Path, make_scene: Callable[..., Scene]) -> None:
    runtime = load_runtime(EngineSettings(own_weights, "cpu"), lambda _: None)
    transformer = runtime.models.transformer
    list(runtime.generate(make_scene(1.1, "low_vram"), lambda _: None))
    assert is_offloaded(transformer)
    write_lora(own_weights, "lightx2v", transformer, seed=1)
    before = transformer.get_parameter(WEIGHT).clone()
    runtime.lora_switcher.choose(AddedLora("lightx2v"), lambda _: None)
    assert not is_offloaded(transformer)
    assert not torch.equal(transformer.get_parameter(WEIGHT), before)


def test_weights_come_to_the_device_after_a_lora_was_added_where_they_waited(prepared: Path) -> None:
    models = load_runtime(EngineSettings(prepared, "cpu"), lambda _: None).models
    place_models(models, offloaded=True)
    stop_offloading(models.transformer)
    place_models(replace(models, device=DEVICE), offloaded=False)
    assert all(weight.device == DEVICE for weight in models.transformer.parameters())
