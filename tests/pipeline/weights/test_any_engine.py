"""An engine that the room has never heard of: one transformer, one folder that is copied, and a LoRA."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pipeline.weights.checkpoint import Checkpoint, CheckpointLayout, make_checkpoint, open_checkpoint, open_component
from pipeline.weights.loading import ComponentSpec
from pipeline.weights.lora import Lora, LoraNames, read_lora
from pipeline.weights.prepare import prepare
from pipeline.weights.spec import AddedLora, Variant
from pipeline.weights.variants import Variants, prepare_variant

CPU = torch.device("cpu")
LORA = AddedLora("quick", 0.5)


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(16, 32)])


def build(config: dict[str, Any]) -> nn.Module:
    return Transformer()


def rename(names: Iterable[str]) -> Mapping[str, str]:
    return {name.replace("layers.", "blocks."): name for name in names}


SPEC = ComponentSpec("transformer", build, torch.bfloat16)


def open_released(folder: Path) -> Checkpoint:
    return make_checkpoint([open_component(folder / "transformer", SPEC)], {"scheduler": folder / "scheduler"})


def read(path: Path) -> Lora:
    return read_lora(path, LoraNames("a toy", lambda path: path.replace("_", "."), rename))


LAYOUT = CheckpointLayout((SPEC,), ("scheduler",), SPEC, open_released, read)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    released = tmp_path / "released"
    for name in ("transformer", "scheduler", "loras/quick"):
        (released / name).mkdir(parents=True)
    (released / "transformer/config.json").write_text("{}")
    (released / "scheduler/config.json").write_text('{"shift": 7}')
    save_file(
        {"blocks.0.weight": torch.ones(32, 16), "blocks.0.bias": torch.zeros(32)},
        released / "transformer/1.safetensors",
    )
    save_file({"layers.0.diff": torch.full((32, 16), 2.0)}, released / "loras/quick/lora.safetensors")
    prepare(released, tmp_path / "prepared", LAYOUT)
    return tmp_path / "prepared"


def test_its_models_and_folders_are_prepared(prepared: Path) -> None:
    checkpoint = open_checkpoint(prepared, LAYOUT)
    assert dict(checkpoint.components["transformer"].tensors())["blocks.0.weight"].dtype == torch.bfloat16
    assert (checkpoint.folders["scheduler"] / "config.json").read_text() == '{"shift": 7}'


@pytest.mark.parametrize("is_fp8", [False, True])
def test_its_lora_is_in_a_variant(prepared: Path, is_fp8: bool) -> None:
    variant = Variant(LORA, is_fp8=is_fp8)
    prepare_variant(prepared, variant, LAYOUT)
    component = Variants(prepared, LAYOUT, "fp8", CPU).open_fused(LORA)
    weight = dict(component.tensors())["blocks.0.weight"]
    assert torch.allclose((weight.dequantize() if is_fp8 else weight).float(), torch.tensor(2.0))
