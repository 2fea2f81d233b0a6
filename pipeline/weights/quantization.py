"""Weights in 8 bits: half of bf16's memory, and faster matrix products where the GPU has them.

torchao is imported only where it is needed: full precision does without.
"""

from typing import TYPE_CHECKING, get_args

import torch
from torch import nn

from pipeline.engine import Precision, PrecisionSetting

if TYPE_CHECKING:
    from torchao.core.config import AOBaseConfig

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
# The first GPUs that multiply matrices in fp8: Ada and Hopper.
FP8_CAPABILITY = (8, 9)


def choose_precision(setting: PrecisionSetting, *, fits: bool) -> Precision:
    """Return the precision of a setting.

    Args:
        setting: A precision, or `auto`: full precision, unless weights have to wait in CPU memory. Then 8 bits halve
            that memory and what is moved; int8 errs less than fp8, and every GPU multiplies in it.
        fits: Whether the device holds all weights in full precision.
    """
    if setting == "auto":
        return "bf16" if fits else "int8"
    return setting


def quantize_blocks(blocks: nn.Module, precision: Precision, device: torch.device) -> None:
    """Turn the linear layers of a transformer's blocks into 8 bits, block after block, where they are.

    The rest of a transformer is small, and its errors would reach all blocks.

    Args:
        blocks: The list of repeated blocks, whose weights are in the precision that is computed with.
        precision: `fp8` is e4m3 with a scale for each output channel, and also for each token where the GPU has fp8
            matrix products; `int8` has a scale for each output channel and for each token. `bf16` changes nothing.
        device: Where they will compute, which is not where they are while they are offloaded.
    """
    if precision == "bf16":
        return
    from torchao.quantization import quantize_

    config = _choose_config(precision, device)
    for block in blocks.children():
        home = next(block.parameters()).device
        # A CPU takes minutes for what a GPU does in seconds.
        quantize_(block, config, device=device)
        block.to(home)


def quantize_weight(values: torch.Tensor, precision: Precision, device: torch.device) -> torch.Tensor:
    """Return a linear layer's weight (outputs, inputs) as `quantize_blocks` makes it, where it is."""
    return _quantize(values, _choose_config(precision, device))


def read_weight(parameter: torch.Tensor) -> torch.Tensor:
    """Return the values of a parameter in fp32, whatever it is kept in."""
    values = parameter if _is_plain(parameter) else parameter.dequantize()
    return values.detach().float()


def write_weight(model: nn.Module, name: str, values: torch.Tensor) -> None:
    """Give a parameter other values, in its own precision; a quantised one is quantised as it was.

    Args:
        model: Whose parameter.
        name: Of the parameter.
        values: Plain, or quantised already as the parameter is.
    """
    parameter = model.get_parameter(name)
    with torch.no_grad():
        if _is_plain(parameter):
            parameter.copy_(values)
        elif type(values) is type(parameter):
            parameter.copy_(values.to(parameter.device))
        else:
            parameter.copy_(_quantize(values.to(parameter.device, parameter.dtype), _config_of(parameter)))


def _is_plain(parameter: torch.Tensor) -> bool:
    return type(parameter) is nn.Parameter


def _quantize(values: torch.Tensor, config: "AOBaseConfig") -> torch.Tensor:
    from torchao.quantization import quantize_

    num_outputs, num_inputs = values.shape
    linear = nn.Linear(num_inputs, num_outputs, bias=False, device="meta")
    linear.weight = nn.Parameter(values, requires_grad=False)
    quantize_(linear, config)
    return linear.weight


def _choose_config(precision: Precision, device: torch.device) -> "AOBaseConfig":
    has_products = device.type == "cuda" and torch.cuda.get_device_capability(device) >= FP8_CAPABILITY
    return _make_config(precision, quantizes_inputs=precision == "int8" or has_products)


def _config_of(weight: torch.Tensor) -> "AOBaseConfig":
    """Return how a weight was quantised."""
    from torchao.quantization import Float8Tensor

    precision: Precision = "fp8" if isinstance(weight, Float8Tensor) else "int8"
    # torchao keeps with a weight how its layer's inputs are quantised.
    inputs = getattr(weight, "act_quant_kwargs", None)
    return _make_config(precision, quantizes_inputs=inputs is not None)


def _make_config(precision: Precision, *, quantizes_inputs: bool) -> "AOBaseConfig":
    from torchao import quantization

    if precision == "fp8":
        if quantizes_inputs:
            return quantization.Float8DynamicActivationFloat8WeightConfig(granularity=quantization.PerRow())
        return quantization.Float8WeightOnlyConfig()
    if quantizes_inputs:
        return quantization.Int8DynamicActivationInt8WeightConfig()
    return quantization.Int8WeightOnlyConfig()
