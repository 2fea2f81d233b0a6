"""Encode frames that do not change once, with the numbers that encoding all of them gives.

The VAE's encoder reads four frames at a time and remembers, in every convolution, the two before. Once a layer gets
what it got last time and remembers what it remembered last time, it gives what it gave last time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKLWan
from torch import nn

FeatureCache = list[torch.Tensor | None]
Forward = Callable[[torch.Tensor, FeatureCache, list[int]], torch.Tensor]


@dataclass(frozen=True)
class Call:
    """A layer's last call.

    Attributes:
        given: Its input.
        output: Its output.
        end: Where its part of the cache ends.
        settled: Whether it left the cache as it found it.
    """

    given: torch.Tensor
    output: torch.Tensor
    end: int
    settled: bool


class SettledLayer:
    """Stands in for a layer's forward, and computes only while input or memory still change."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._last: Call | None = None

    def __call__(self, x: torch.Tensor, feat_cache: FeatureCache, feat_idx: list[int]) -> torch.Tensor:
        """Return the layer's output; the names are those by which the encoder calls it."""
        last = self._last
        if last is not None and last.settled and _equal(last.given, x):
            feat_idx[0] = last.end
            return last.output
        start, before = feat_idx[0], list(feat_cache)
        output = self._forward(x, feat_cache, feat_idx)
        end = feat_idx[0]
        settled = all(_equal(before[index], feat_cache[index]) for index in range(start, end))
        self._last = Call(x, output, end, settled)
        return output


@contextmanager
def encoding_still_frames(vae: AutoencoderKLWan) -> Iterator[None]:
    """Within it, `vae.encode` computes what it gets several times over only once. For one call at a time."""
    layers: list[nn.Module] = [*vae.encoder.down_blocks, vae.encoder.mid_block]
    for layer in layers:
        layer.forward = SettledLayer(layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _equal(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or (one.shape == other.shape and torch.equal(one, other))
