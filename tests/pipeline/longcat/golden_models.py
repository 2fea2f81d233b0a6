"""The golden cases' models: every weight follows from its name, as `tests/golden_longcat/README.md` has it."""

import os

import torch

from pipeline.longcat.architecture import LongCatArchitecture, Version
from pipeline.longcat.layers import Int8Linear
from pipeline.longcat.lora import LONGCAT_NAMES, add_lora, to_usual_form
from pipeline.longcat.transformer import LongCatTransformer
from pipeline.weights.lora import Lora, parse_lora
from tests.golden_rule import fill, weight
from tests.tiny_longcat import LORA_LAYERS

AUDIO: dict[Version, tuple[int, int]] = {"1.5": (5, 16), "1.0": (12, 8)}
TEXT_DIM = 64
RANK, ALPHA_SCALE = 8, 0.4


def architecture(version: Version, *, int8: bool = False) -> LongCatArchitecture:
    layers, channels = AUDIO[version]
    return LongCatArchitecture(
        dim=160,
        num_layers=2,
        num_heads=4,
        text_dim=TEXT_DIM,
        time_dim=32,
        freq_dim=32,
        audio_layers=layers,
        audio_channels=channels,
        audio_intermediate_dim=16,
        audio_dim=32,
        audio_tokens=4,
        int8=int8,
    )


def make_transformer(version: Version, *, int8: bool = False, lora: float | None = None) -> LongCatTransformer:
    """Build the golden transformer, with a LoRA of this strength; compiled if `GOLDEN_COMPILED` is set."""
    model = LongCatTransformer(architecture(version, int8=int8))
    if int8:
        model.load_state_dict(quantized_weights(version))
        model.eval().requires_grad_(requires_grad=False)
    else:
        fill(model)
    if lora is not None:
        add_lora(model, make_lora(model), lora)
    if "GOLDEN_COMPILED" in os.environ:
        model.compile_blocks()
    return model


def quantized_weights(version: Version) -> dict[str, torch.Tensor]:
    """Return the weights in the released 8-bit form."""
    layers = LongCatTransformer(architecture(version, int8=True)).named_modules()
    quantized = {name for name, layer in layers if isinstance(layer, Int8Linear)}
    tensors = {}
    for name, tensor in fill(LongCatTransformer(architecture(version))).state_dict().items():
        module, _, leaf = name.rpartition(".")
        if module not in quantized:
            tensors[name] = tensor
        elif leaf == "bias":
            tensors[name] = tensor.bfloat16().float()
        else:
            scale = tensor.abs().amax(dim=1).clamp(min=1e-8) / 127
            tensors[f"{module}.weight_int8"] = (tensor / scale[:, None]).round().clamp(-128, 127).to(torch.int8)
            tensors[f"{module}.weight_scale"] = scale
    return tensors


def make_lora(model: LongCatTransformer) -> Lora:
    return parse_lora(to_usual_form(released_lora(model)), "golden", LONGCAT_NAMES)


def released_lora(model: LongCatTransformer) -> dict[str, torch.Tensor]:
    """Return the tensors of the golden LoRA, under the keys of a released file."""
    tensors = {}
    for index in range(model.architecture.num_layers):
        for layer, num_parts in LORA_LAYERS.items():
            shape = _shape_of(model, f"blocks.{index}.{layer}")
            path = "___lorahyphen___".join(["lora", "blocks", str(index), *layer.split(".")])
            ups = ["lora_up.weight"] if num_parts == 1 else [f"lora_up.blocks.{j}.weight" for j in range(num_parts)]
            shapes = {"lora_down.weight": (num_parts * RANK, shape[1])}
            shapes |= dict.fromkeys(ups, (shape[0] // num_parts, RANK))
            tensors |= {f"{path}.{leaf}": weight(f"{path}.{leaf}", own) for leaf, own in shapes.items()}
            tensors[f"{path}.alpha_scale"] = torch.tensor(ALPHA_SCALE)
    return tensors


def _shape_of(model: LongCatTransformer, name: str) -> torch.Size:
    layer = model.get_submodule(name)
    return (layer.weight_int8 if isinstance(layer, Int8Linear) else layer.weight).shape
