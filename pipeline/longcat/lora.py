"""LoRAs for LongCat: in the released form, and added while the model runs where its weights are in 8 bits."""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from pipeline.engine import Reporter
from pipeline.errors import WeightsError
from pipeline.longcat.layers import Int8Linear, Linear
from pipeline.longcat.transformer import LongCatTransformer
from pipeline.weights.lora import Lora, LoraNames, WeightChange, parse_lora, read_tensors
from pipeline.weights.lora_files import find_lora
from pipeline.weights.offloading import stop_offloading
from pipeline.weights.spec import AddedLora

PREFIX, DOT = "lora___lorahyphen___", "___lorahyphen___"
# Layers that are several in one have a second factor for each of those.
UP_PART = re.compile(r"(.+)\.lora_up\.blocks\.(\d+)\.weight")
SCALE = ".alpha_scale"
UP, DOWN, ALPHA = ".lora_up.weight", ".lora_down.weight", ".alpha"

StateDict = Mapping[str, torch.Tensor]

LONGCAT_NAMES = LoraNames("LongCat-Video-Avatar", lambda path: path, lambda names: {name: name for name in names})


def read_lora(path: Path) -> Lora:
    """Read a LoRA file, in the released form or in a usual one.

    Raises:
        WeightsError: It cannot be read, has keys that are not understood, or numbers that are none.
    """
    state_dict, alphas = read_tensors(path)
    _check_scales(state_dict, path)
    return parse_lora(to_usual_form(state_dict), path.name, LONGCAT_NAMES, alphas)


def _check_scales(state_dict: StateDict, path: Path) -> None:
    """Refuse a released file that does not say how much of it is meant: all of it would be twice as much."""
    for key in state_dict:
        scale = key.removesuffix(DOWN) + SCALE
        if key.startswith(PREFIX) and key.endswith(DOWN) and scale not in state_dict:
            raise WeightsError(f"Expected {scale} in {path}, but it is not there. Download the file again.")


def to_usual_form(state_dict: StateDict) -> dict[str, torch.Tensor]:
    """Turn the tensors of a released file into those of a usual one; others stay as they are.

    A factor that is several is joined along its diagonal, so that each part of the layer gets what is meant for it.
    """
    named = {key.removeprefix(PREFIX).replace(DOT, "."): tensor for key, tensor in state_dict.items()}
    parts: dict[str, dict[int, torch.Tensor]] = defaultdict(dict)
    usual = {}
    for key, tensor in named.items():
        if part := UP_PART.fullmatch(key):
            parts[part[1]][int(part[2])] = tensor
        elif not key.endswith(SCALE):
            usual[key] = tensor
    for module, ups in parts.items():
        usual[module + UP] = torch.block_diag(*(ups[index] for index in sorted(ups)))
    for key, tensor in named.items():
        module = key.removesuffix(SCALE)
        if key.endswith(SCALE) and module + DOWN in usual:
            # The scale itself, where the usual form has it times the rank. It counts more than any alpha / rank.
            usual[module + ALPHA] = tensor.float() * len(usual[module + DOWN])
    return usual


def add_lora(transformer: LongCatTransformer, lora: Lora, scale: float = 1.0) -> None:
    """Let a LoRA be added to the layers' outputs, in the place of any other.

    Args:
        transformer: With the names that the LoRA has.
        lora: What to add.
        scale: How much of it.

    Raises:
        WeightsError: It does not fit; nothing is changed then.
    """
    modules = dict(transformer.named_modules())
    layers = {name: _find_layer(modules, name, lora) for name in lora.changes}
    for name, change in lora.changes.items():
        _check_fit(layers[name], name, change, lora)
    remove_lora(transformer)
    for name, change in lora.changes.items():
        _give(layers[name], change, scale, transformer.compute_dtype)


def remove_lora(transformer: nn.Module) -> None:
    """Let all layers be as they are."""
    for module in transformer.modules():
        if isinstance(module, Linear | Int8Linear):
            module.low_rank.give(None, None)


class RuntimeLora:
    """Keeps the LoRA that the next video needs beside the weights, which it leaves as they are.

    Args:
        transformer: Whose layers it is added to.
        weights: The folder that has the LoRAs.
    """

    def __init__(self, transformer: LongCatTransformer, weights: Path) -> None:
        self._transformer = transformer
        self._weights = weights
        self._added: AddedLora | None = None

    def choose(self, lora: AddedLora | None, report: Reporter, *, overlaid: bool = False) -> None:
        """Have this LoRA added, or none; where that changes, the weights are not offloaded any more.

        Raises:
            WeightsError: Its file is missing, broken or made for another model; there is none then.
        """
        del report, overlaid
        if lora == self._added:
            return
        stop_offloading(self._transformer)
        remove_lora(self._transformer)
        self._added = None
        if lora is not None:
            add_lora(self._transformer, read_lora(find_lora(self._weights, lora.name)), lora.scale)
            self._added = lora


def _find_layer(modules: Mapping[str, nn.Module], name: str, lora: Lora) -> Linear | Int8Linear:
    module, _, parameter = name.rpartition(".")
    layer = modules.get(module)
    if parameter != "weight" or not isinstance(layer, Linear | Int8Linear):
        raise WeightsError(
            f"Expected a LoRA for {lora.model}, but {lora.name} changes {name}, which cannot be changed while the "
            "model runs. Use one made for it."
        )
    return layer


def _check_fit(layer: Linear | Int8Linear, name: str, change: WeightChange, lora: Lora) -> None:
    shape = _weight_of(layer).shape
    if change.down is None or change.diff is not None or not change.fits(shape):
        raise WeightsError(
            f"Expected a LoRA for {lora.model} with two factors for each weight, but {lora.name} has something else "
            f"for {name} of the shape {tuple(shape)}. Use one made for it."
        )


def _give(layer: Linear | Int8Linear, change: WeightChange, scale: float, dtype: torch.dtype) -> None:
    assert change.down is not None
    assert change.up is not None
    strength = scale if change.alpha is None else scale * change.alpha / len(change.down)
    down, up = change.down.float(), strength * change.up.float()
    device = _weight_of(layer).device
    layer.low_rank.give(down.to(device, dtype), up.to(device, dtype))


def _weight_of(layer: Linear | Int8Linear) -> torch.Tensor:
    return layer.weight_int8 if isinstance(layer, Int8Linear) else layer.weight
