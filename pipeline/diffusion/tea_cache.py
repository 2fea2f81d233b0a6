"""TeaCache: skip the blocks of a step whose timestep modulation has hardly changed.

Source: Liu et al., "Timestep Embedding Tells: It's Time to Cache for Video Diffusion Model" (2411.19108).
"""

from dataclasses import dataclass

import numpy as np
import torch
from diffusers.hooks import HookRegistry, ModelHook
from diffusers.hooks.hooks import BaseState, StateManager
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from pipeline.profiles import Resolution

HOOK_NAME = "tea_cache"

# Polynomials from the modulation's change to the output's, highest power first, as measured for each resolution.
COEFFICIENTS: dict[Resolution, tuple[float, ...]] = {
    "480p": (2.57151496e05, -3.54229917e04, 1.40286849e03, -1.35890334e01, 1.32517977e-01),
    "720p": (8.10705460e03, 2.13393892e03, -3.72934672e02, 1.66203073e01, -4.17769401e-02),
}


@dataclass(frozen=True)
class TeaCacheConfig:
    """How eagerly to skip.

    Attributes:
        coefficients: Polynomial from the modulation's change to the output's, highest power first.
        threshold: Summed change from which on the blocks run.
        num_warmup_steps: First steps, which always run.
    """

    coefficients: tuple[float, ...]
    threshold: float = 0.2
    num_warmup_steps: int = 5


class TeaCacheState(BaseState):  # type: ignore[misc]  # diffusers is untyped
    """What one guidance branch remembers of its earlier steps."""

    def __init__(self, config: TeaCacheConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.step = 0
        self.change = 0.0
        self.modulation: torch.Tensor | None = None
        self.residual: torch.Tensor | None = None

    def must_compute(self, modulation: torch.Tensor) -> bool:
        """Decide whether this step's blocks run, and remember its modulation."""
        warming_up = self.step < self.config.num_warmup_steps
        if not warming_up:
            self.change += float(np.polyval(self.config.coefficients, self._relative_change(modulation)))
        must_compute = warming_up or self.change >= self.config.threshold
        # Steps that always run are not summed; any step that runs starts the sum anew.
        if must_compute:
            self.change = 0.0
        self.modulation = modulation
        self.step += 1
        return must_compute

    def _relative_change(self, modulation: torch.Tensor) -> float:
        assert self.modulation is not None, "the first step always computes"
        difference = (modulation - self.modulation).abs().mean()
        return float(difference / self.modulation.abs().mean())


class TeaCacheHook(ModelHook):  # type: ignore[misc]  # diffusers is untyped
    """Run the blocks, or add what they added last."""

    _is_stateful = True

    def __init__(self, state_manager: StateManager) -> None:
        super().__init__()
        self.state_manager = state_manager

    def new_forward(
        self, module: nn.Module, hidden_states: torch.Tensor, timestep_modulation: torch.Tensor, *args: object
    ) -> torch.Tensor:
        """Stand in for the forward of all blocks together."""
        del module
        state = self.state_manager.get_state()
        if not state.must_compute(timestep_modulation):
            skipped: torch.Tensor = hidden_states + state.residual
            return skipped
        output: torch.Tensor = self.fn_ref.original_forward(hidden_states, timestep_modulation, *args)
        # What all blocks added together, so that a skipped step costs one addition.
        state.residual = output - hidden_states
        return output

    def reset_state(self, module: nn.Module) -> nn.Module:
        """Forget all branches, at the start of a clip."""
        self.state_manager.reset()
        return module


def apply_tea_cache(transformer: ModelMixin, config: TeaCacheConfig) -> None:
    """Let the transformer skip blocks, which are `transformer.blocks`, called as one module.

    From then on, call it within `transformer.cache_context(name)`, one name for each branch.
    """
    hook = TeaCacheHook(StateManager(TeaCacheState, (config,)))
    HookRegistry.check_if_exists_or_initialize(transformer.blocks).register_hook(hook, HOOK_NAME)
    HookRegistry.check_if_exists_or_initialize(transformer).invalidate_child_registries_cache()


def remove_tea_cache(transformer: ModelMixin) -> None:
    """Let every step compute; does nothing where no cache was applied."""
    HookRegistry.check_if_exists_or_initialize(transformer.blocks).remove_hook(HOOK_NAME, recurse=False)
    HookRegistry.check_if_exists_or_initialize(transformer).invalidate_child_registries_cache()


def reset_tea_cache(transformer: ModelMixin) -> None:
    """Start a clip afresh; does nothing where no cache was applied."""
    hook = HookRegistry.check_if_exists_or_initialize(transformer.blocks).get_hook(HOOK_NAME)
    if hook is not None:
        hook.reset_state(transformer.blocks)
