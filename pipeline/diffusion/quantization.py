"""Weights in 8 bits: half of bf16's memory, and faster matrix products where the GPU has them.

torchao is imported only where it is needed: it takes seconds, and full precision does without.
"""

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import nn

if TYPE_CHECKING:
    from torchao.core.config import AOBaseConfig

Precision = Literal["bf16", "fp8", "int8"]

# The first GPUs that multiply matrices in fp8: Ada and Hopper.
FP8_CAPABILITY = (8, 9)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


def quantize_blocks(blocks: nn.Module, precision: Precision) -> None:
    """Turn the linear layers of a transformer's blocks into 8 bits, one after the other, where they are.

    The rest of a transformer is small, and its errors would reach all blocks.

    Args:
        blocks: The repeated blocks, whose weights are in the precision that is computed with.
        precision: `fp8` is e4m3 with a scale for each output channel, and also for each token where the GPU has fp8
            matrix products; `int8` has a scale for each output channel and for each token. `bf16` changes nothing.
    """
    if precision == "bf16":
        return
    from torchao.quantization import quantize_

    device = next(blocks.parameters()).device
    quantize_(blocks, _choose_config(precision, device))


def add_to_weight(model: nn.Module, name: str, delta: torch.Tensor) -> None:
    """Add to a parameter in fp32; a quantised one is read, changed and quantised again.

    Args:
        model: Has the parameter.
        name: Its path.
        delta: What to add, of its shape.
    """
    path, _, attribute = name.rpartition(".")
    module = model.get_submodule(path)
    parameter = getattr(module, attribute)
    with torch.no_grad():
        if type(parameter) is nn.Parameter:
            parameter.copy_(parameter.float() + delta)
            return
        from torchao.quantization import quantize_

        values = (parameter.dequantize().float() + delta).to(parameter.dtype)
        setattr(module, attribute, nn.Parameter(values, requires_grad=False))
        quantize_(module, _config_of(parameter))


def _choose_config(precision: Precision, device: torch.device) -> "AOBaseConfig":
    if precision == "int8":
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig

        return Int8DynamicActivationInt8WeightConfig()
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= FP8_CAPABILITY:
        from torchao.quantization import Float8DynamicActivationFloat8WeightConfig, PerRow

        return Float8DynamicActivationFloat8WeightConfig(granularity=PerRow())
    from torchao.quantization import Float8WeightOnlyConfig

    return Float8WeightOnlyConfig()


def _config_of(weight: torch.Tensor) -> "AOBaseConfig":
    """Return the way in which a weight was quantised."""
    from torchao.quantization import Float8Tensor

    return _choose_config("fp8" if isinstance(weight, Float8Tensor) else "int8", weight.device)
