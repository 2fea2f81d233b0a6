"""The linear layers and the norm of a LongCat transformer, under the names of the released files."""

import torch
import torch.nn.functional as F
from torch import nn

NORM_EPS = 1e-6


class LowRank(nn.Module):
    """What a LoRA adds to a linear layer's output; nothing until it is given factors."""

    down: torch.Tensor | None
    up: torch.Tensor | None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("down", None, persistent=False)
        self.register_buffer("up", None, persistent=False)

    def give(self, down: torch.Tensor | None, up: torch.Tensor | None) -> None:
        """Take factors (rank, inputs) and (outputs, rank), or none, which adds nothing."""
        self.down, self.up = down, up

    def forward(self, states: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer that got `states`, changed."""
        if self.down is None or self.up is None:
            return output
        down, up = self.down.to(states.dtype), self.up.to(states.dtype)
        return output + F.linear(F.linear(states, down), up)


class Linear(nn.Linear):
    """A linear layer that a LoRA can be added to while it runs."""

    def __init__(self, num_inputs: int, num_outputs: int, *, bias: bool = True) -> None:
        super().__init__(num_inputs, num_outputs, bias=bias)
        self.low_rank = LowRank()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Run the layer."""
        return self.low_rank(states, super().forward(states))  # type: ignore[no-any-return]  # torch calls are untyped


class Int8Linear(nn.Module):
    """A linear layer in the released 8-bit form: rows of int8, a scale for each.

    Args:
        num_inputs: Width of what it takes.
        num_outputs: Width of what it gives.
        bias: Whether it has one.
    """

    def __init__(self, num_inputs: int, num_outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        weight = torch.empty(num_outputs, num_inputs, dtype=torch.int8)
        self.weight_int8 = nn.Parameter(weight, requires_grad=False)
        self.weight_scale = nn.Parameter(torch.empty(num_outputs), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(num_outputs)) if bias else None
        self.low_rank = LowRank()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Run the layer in the precision of its input, as the reference does."""
        dtype = states.dtype
        weight = self.weight_int8.to(dtype) * self.weight_scale.to(dtype)[:, None]
        bias = None if self.bias is None else self.bias.to(dtype)
        return self.low_rank(states, F.linear(states, weight, bias))  # type: ignore[no-any-return]  # as above


class ExactLinear(nn.Module):
    """A linear layer that computes in fp32, whatever its weights are kept in.

    It is no `nn.Linear`, so that quantising the blocks leaves it alone.
    """

    def __init__(self, num_inputs: int, num_outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_outputs, num_inputs))
        self.bias = nn.Parameter(torch.empty(num_outputs))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Run the layer."""
        return F.linear(states.float(), self.weight.float(), self.bias.float())


class ExactInt8Linear(Int8Linear):
    """The same in the released 8-bit form."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Run the layer."""
        return super().forward(states.float())


class LayerMaker:
    """Makes the linear layers of a transformer, all in one form.

    Args:
        int8: Whether that is the released 8-bit form.
    """

    def __init__(self, *, int8: bool) -> None:
        self._int8 = int8

    def linear(self, num_inputs: int, num_outputs: int, *, bias: bool = True) -> nn.Module:
        """Return a layer that computes in the precision of its input."""
        kind = Int8Linear if self._int8 else Linear
        return kind(num_inputs, num_outputs, bias=bias)

    def exact(self, num_inputs: int, num_outputs: int) -> nn.Module:
        """Return a layer that computes in fp32."""
        kind = ExactInt8Linear if self._int8 else ExactLinear
        return kind(num_inputs, num_outputs)


class HeadNorm(nn.Module):
    """RMSNorm over the channels of a head, in fp32."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(head_dim))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Normalise states (..., head_dim)."""
        return F.rms_norm(states.float(), states.shape[-1:], self.weight.float(), NORM_EPS).type_as(states)


def normalize(states: torch.Tensor) -> torch.Tensor:
    """LayerNorm without weights, in fp32."""
    return F.layer_norm(states.float(), states.shape[-1:], eps=NORM_EPS)


def modulate(states: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Normalise, then scale and shift, in fp32."""
    return normalize(states) * (1 + scale) + shift
