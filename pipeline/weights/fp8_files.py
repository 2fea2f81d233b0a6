"""Weights that were quantised before they were stored: half the bytes to read, and never in bf16 in memory.

A quantised weight is stored as two tensors: its values in e4m3 under its own name, and the scales of its output
channels, fp32, under that name with `_scale`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from pipeline.weights.loading import Component
from pipeline.weights.quantization import quantize_weight
from pipeline.weights.tensor_files import NamedTensor

if TYPE_CHECKING:
    from torchao.quantization import Float8Tensor

SCALE = "_scale"
# Only what a quantised layer is like is taken from it.
PATTERN_SIZE = 16


def pack(tensors: Iterable[NamedTensor], quantized: frozenset[str]) -> Iterator[NamedTensor]:
    """Yield the tensors as they are stored.

    Args:
        tensors: With names.
        quantized: Names of linear layers' weights that are to be quantised.
    """
    for name, tensor in tensors:
        if name in quantized:
            weight: Float8Tensor = quantize_weight(tensor, "fp8", torch.device("cpu"))
            yield f"{name}{SCALE}", weight.scale
            yield name, weight.qdata
        else:
            yield name, tensor


class Unpack:
    """Turns stored tensors back into weights, as a `Convert`.

    Args:
        device: Where they will compute, which says whether inputs are quantised too.
    """

    def __init__(self, device: torch.device) -> None:
        ones = torch.ones(PATTERN_SIZE, PATTERN_SIZE, dtype=torch.bfloat16, device=device)
        self._pattern: Float8Tensor = quantize_weight(ones, "fp8", device)
        self._waiting: dict[str, torch.Tensor] = {}

    def __call__(self, name: str, tensor: torch.Tensor) -> list[NamedTensor]:
        """Return the weight once its values and its scales are there; any other tensor as it is."""
        is_scale = name.endswith(SCALE)
        if not is_scale and tensor.dtype != torch.float8_e4m3fn:
            return [(name, tensor)]
        name = name.removesuffix(SCALE)
        other = self._waiting.pop(name, None)
        # The same again comes where a reading before this one broke off.
        if other is None or other.dtype == tensor.dtype:
            self._waiting[name] = tensor
            return []
        return [(name, self._join(other, tensor) if is_scale else self._join(tensor, other))]

    def _join(self, values: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        from torchao.quantization import Float8Tensor

        pattern = self._pattern
        weight: torch.Tensor = Float8Tensor(
            values,
            scales,
            block_size=[1, values.shape[1]],
            mm_config=pattern.mm_config,
            act_quant_kwargs=pattern.act_quant_kwargs,
            kernel_preference=pattern.kernel_preference,
            dtype=pattern.dtype,
        )
        return weight


@dataclass(frozen=True)
class Fp8Component(Component):
    """A model whose large weights are stored in fp8."""

    def count_bytes(self) -> int:
        """Return the size of the model in memory, which is that of its files."""
        return sum(path.stat().st_size for path in self.files)


def find_linear_weights(model: nn.Module) -> frozenset[str]:
    """Return the names of the weights that `quantize_blocks` quantises: those of the blocks' linear layers."""
    layers = model.get_submodule("blocks").named_modules(prefix="blocks")
    return frozenset(f"{name}.weight" for name, layer in layers if isinstance(layer, nn.Linear))
