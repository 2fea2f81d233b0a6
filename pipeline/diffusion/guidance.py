"""Guide by text and by audio: which branches a step needs, and how their predictions combine."""

from dataclasses import dataclass, field
from enum import Enum

import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer

# A negative momentum weakens what earlier steps pushed towards.
APG_MOMENTUM = -0.75
APG_NORM_THRESHOLD = 55.0


class GuidanceBranch(Enum):
    """A forward pass of the transformer, by what it is conditioned on."""

    COND = "cond"
    NO_TEXT = "no_text"
    NO_AUDIO = "no_audio"
    UNCOND = "uncond"

    @property
    def prompted(self) -> bool:
        """Whether the branch sees the prompt; the others see the negative prompt."""
        return self in {GuidanceBranch.COND, GuidanceBranch.NO_AUDIO}

    @property
    def audible(self) -> bool:
        """Whether the branch hears the audio; the others hear zeros."""
        return self in {GuidanceBranch.COND, GuidanceBranch.NO_TEXT}


@dataclass(frozen=True)
class GuidanceScales:
    """How strongly to follow the text and the audio; 1 is no guidance."""

    guidance_scale: float
    audio_guidance_scale: float

    @property
    def branches(self) -> tuple[GuidanceBranch, ...]:
        """The branches that a step needs."""
        # A scale of 1 cancels its own difference, so a branch that only serves it need not be computed.
        if self.guidance_scale != 1:
            return (GuidanceBranch.COND, GuidanceBranch.NO_TEXT, GuidanceBranch.UNCOND)
        if self.audio_guidance_scale != 1:
            return (GuidanceBranch.COND, GuidanceBranch.NO_AUDIO)
        return (GuidanceBranch.COND,)


class PlainDifference:
    """Guidance by the difference of two predictions as it is."""

    def __call__(self, difference: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        """Return `difference`."""
        del cond
        return difference


@dataclass
class ProjectedDifference:
    """Adaptive projected guidance for one difference of predictions, over the steps of one clip.

    Source: Sadat et al., "Eliminating Oversaturation and Artifacts of High Guidance Scales" (2410.02416). diffusers'
    `normalized_guidance` cannot express the second term of three branches, only its momentum is of use here.
    """

    momentum: MomentumBuffer = field(default_factory=lambda: MomentumBuffer(APG_MOMENTUM))

    def __call__(self, difference: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        """Return the running difference, limited in norm, without its component along `cond`."""
        self.momentum.update(difference)
        running: torch.Tensor = self.momentum.running_average.double()
        # Norm and projection span the whole clip, channels and frames alike, in fp64 as in the original.
        running = running * (APG_NORM_THRESHOLD / running.norm()).clamp(max=1)
        direction = cond.double() / cond.double().norm()
        projected: torch.Tensor = running - (running * direction).sum() * direction
        return projected.to(cond.dtype)


class Guidance:
    """Combine the predictions of a step's branches; one instance lives for one clip.

    Args:
        scales: How strongly to follow the text and the audio.
        projected: Whether to project the differences (APG).
    """

    def __init__(self, scales: GuidanceScales, *, projected: bool = False) -> None:
        kind = ProjectedDifference if projected else PlainDifference
        self._scales = scales
        self._text = kind()
        self._audio = kind()

    def combine(self, noise_preds: dict[GuidanceBranch, torch.Tensor]) -> torch.Tensor:
        """Return the guided prediction.

        Every form starts at the conditional prediction: `uncond + w_t * (cond - no_text) + w_a * (no_text - uncond)`
        is `cond + (w_t - 1) * (cond - no_text) + (w_a - 1) * (no_text - uncond)`.
        """
        cond = noise_preds[GuidanceBranch.COND]
        text_scale, audio_scale = self._scales.guidance_scale - 1, self._scales.audio_guidance_scale - 1
        if len(noise_preds) == 1:
            return cond
        if GuidanceBranch.NO_AUDIO in noise_preds:
            return cond + audio_scale * self._audio(cond - noise_preds[GuidanceBranch.NO_AUDIO], cond)
        no_text, uncond = noise_preds[GuidanceBranch.NO_TEXT], noise_preds[GuidanceBranch.UNCOND]
        return cond + text_scale * self._text(cond - no_text, cond) + audio_scale * self._audio(no_text - uncond, cond)
