"""Guide by text and by voice, as LongCat was released: a formula of its own, whose terms tell which passes it needs."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from pipeline.diffusion.guidance import GuidanceBranch


@dataclass(frozen=True)
class LongCatGuidance:
    """How strongly to follow the text and the voices; where neither is above 1, there is no guidance.

    `uncond + w_t * (cond - no_text) + w_a * (no_text - uncond)`, in which terms fall away where the two scales are
    equal, or the voice's is 1.

    Attributes:
        guidance_scale: The text's, `w_t`.
        audio_guidance_scale: The voice's, `w_a`.
    """

    guidance_scale: float = 1.0
    audio_guidance_scale: float = 1.0

    @property
    def branches(self) -> tuple[GuidanceBranch, ...]:
        """The passes that a step needs."""
        return tuple(self._weights)

    def combine(self, noise_preds: Mapping[GuidanceBranch, torch.Tensor]) -> torch.Tensor:
        """Return the guided prediction."""
        first, *others = (noise_preds[branch] * weight for branch, weight in self._weights.items())
        return sum(others, first)

    @property
    def _weights(self) -> dict[GuidanceBranch, float]:
        text, audio = self.guidance_scale, self.audio_guidance_scale
        if text <= 1 and audio <= 1:
            return {GuidanceBranch.COND: 1.0}
        weights = {
            GuidanceBranch.COND: text,
            GuidanceBranch.NO_TEXT: audio - text,
            GuidanceBranch.UNCOND: 1 - audio,
        }
        return {branch: weight for branch, weight in weights.items() if weight}
