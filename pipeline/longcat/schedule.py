"""The noise levels of a segment's steps."""

from dataclasses import dataclass

import torch

from pipeline.diffusion.flow import NUM_TRAIN_TIMESTEPS

# What the distilled model was taught to take, evenly among all levels.
DISTILLED_STEPS = 8
LAST_LEVEL = 0.001
# A continuation without distillation takes its time where details are made: below half of the noise, in ten steps.
TAIL_LEVEL = 0.5
TAIL_STEPS = 10


@dataclass(frozen=True)
class Schedule:
    """Which steps to take.

    Attributes:
        shift: The larger, the more of the steps are at high noise.
        num_inference_steps: Of a segment; a continuation without distillation takes those above half of the noise.
        distilled: Whether the steps are those that the distilled model was taught.
    """

    shift: float
    num_inference_steps: int = DISTILLED_STEPS
    distilled: bool = True

    def find_sigmas(self, *, continues: bool) -> torch.Tensor:
        """Return the noise levels (steps + 1,) of a segment, from 1 down to 0.

        Args:
            continues: Whether the segment continues another.
        """
        sigmas = self._shift(self._find_levels())
        if continues and not self.distilled:
            tail = torch.linspace(TAIL_LEVEL, TAIL_LEVEL / TAIL_STEPS, TAIL_STEPS)
            sigmas = torch.cat([sigmas[sigmas > TAIL_LEVEL], tail])
        return torch.cat([sigmas, torch.zeros(1)])

    def count_steps(self, *, continues: bool) -> int:
        """Return how many steps a segment takes."""
        return len(self.find_sigmas(continues=continues)) - 1

    def _find_levels(self) -> torch.Tensor:
        if not self.distilled:
            return torch.linspace(1, LAST_LEVEL, self.num_inference_steps)
        indices = torch.arange(self.num_inference_steps) * NUM_TRAIN_TIMESTEPS // self.num_inference_steps
        return 1 - indices / (NUM_TRAIN_TIMESTEPS - 1)

    def _shift(self, levels: torch.Tensor) -> torch.Tensor:
        return self.shift * levels / (1 + (self.shift - 1) * levels)


def follow_flow(
    latents: torch.Tensor, flow: torch.Tensor, sigma: torch.Tensor, next_sigma: torch.Tensor
) -> torch.Tensor:
    """Follow the predicted flow, which is data minus noise, from one noise level to the next, in fp32."""
    return latents + flow.float() * (sigma - next_sigma)
