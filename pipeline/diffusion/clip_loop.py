"""What the loops of all models have in common that make a video clip by clip."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

NoiseSource = Callable[[int, torch.Size], torch.Tensor]
"""Takes a clip's index and the shape of its latents, returns fp32 noise on any device."""

StepReporter = Callable[[int], None]
"""Takes the number of steps done; raises to stop."""


class ClipReporter(Protocol):
    """Takes how far a clip is; raises to stop."""

    def report_step(self, clip: int, step: int) -> None:
        """Take how many of a clip's steps are done."""
        ...

    def report_decoding(self, clip: int, share: float) -> None:
        """Take how much of a clip is decoded, 0 to 1."""
        ...


@dataclass(frozen=True)
class Prompts:
    """Text embeddings (1, tokens, channels), as the transformer takes them."""

    prompt_embeds: torch.Tensor
    negative_prompt_embeds: torch.Tensor


@dataclass(frozen=True)
class HandedOver:
    """All that a clip needs of those before it.

    Attributes:
        index: Of that clip.
        tensors: What the loop of the model goes on from, by names of its own.
    """

    index: int
    tensors: dict[str, torch.Tensor]


@dataclass(frozen=True)
class Clip:
    """A generated clip.

    Attributes:
        latents: (1, 16, latent frames, h, w).
        new_frames: The frames (1, 3, new frames, height, width) in [-1, 1] that it adds to the video.
        handed: What it hands over to the next clip; None after the last.
    """

    latents: torch.Tensor
    new_frames: torch.Tensor
    handed: HandedOver | None = None


def noise_from(generator: torch.Generator) -> NoiseSource:
    """Draw each clip's noise from `generator`, in the order of the clips."""

    def draw(index: int, shape: torch.Size) -> torch.Tensor:
        del index
        return torch.randn(shape, generator=generator, device=generator.device)

    return draw
