"""What every block of a transformer attends to besides the video itself, projected once a clip."""

from collections.abc import Callable
from typing import NamedTuple

import torch


class KeyValue(NamedTuple):
    """Keys and values of an attention, each (batch, tokens, heads, head_dim)."""

    key: torch.Tensor
    value: torch.Tensor


class BlockContext:
    """A context as one block sees it: its states, and the keys and values that the block made of them.

    The block asks for them from within its own forward, because offloaded weights are on the device only there.
    """

    def __init__(self, states: torch.Tensor) -> None:
        self.states = states
        self._key_value: KeyValue | None = None

    def key_value(self, project: Callable[[torch.Tensor], KeyValue]) -> KeyValue:
        """Return the keys and values, computing them with `project` the first time."""
        if self._key_value is None:
            self._key_value = project(self.states)
        return self._key_value


class AttentionContext:
    """Embeddings that stay the same over the steps of a clip, with what the transformer made of them.

    Args:
        embeds: As the encoder gave them; the transformer knows their shape.
    """

    def __init__(self, embeds: torch.Tensor) -> None:
        self.embeds = embeds
        self._blocks: tuple[BlockContext, ...] = ()

    def blocks(self, project: Callable[[torch.Tensor], torch.Tensor], num_blocks: int) -> tuple[BlockContext, ...]:
        """Return one view for each block, projecting the embeddings to states the first time."""
        if not self._blocks:
            states = project(self.embeds)
            self._blocks = tuple(BlockContext(states) for _ in range(num_blocks))
        return self._blocks
