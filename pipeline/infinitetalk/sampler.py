"""Denoise one clip."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from pipeline.diffusion.flow import euler_step, flow_timesteps, overwrite_known
from pipeline.diffusion.guidance import Guidance, GuidanceScales, Pass
from pipeline.diffusion.tea_cache import reset_tea_cache
from pipeline.diffusion.team import ALL_PASSES, PassShare
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel, PassContext

StepReporter = Callable[[int], None]
"""Takes the number of steps done; raises to stop."""


@dataclass(frozen=True)
class SamplerSettings:
    """How to denoise.

    Attributes:
        scales: How strongly to follow the text and the audio.
        num_inference_steps: Steps of a clip.
        shift: Of the flow's timesteps.
        projected: Whether guidance is projected (APG).
    """

    scales: GuidanceScales
    num_inference_steps: int
    shift: float
    projected: bool = False


@dataclass(frozen=True)
class ClipInputs:
    """What one clip is denoised from.

    Attributes:
        known_latents: Clean first frames (1, 16, known frames, h, w).
        condition: Mask and photo latents (1, 20, latent frames, h, w).
        contexts: What each pass attends to.
    """

    known_latents: torch.Tensor
    condition: torch.Tensor
    contexts: dict[Pass, PassContext]


def denoise(  # noqa: PLR0917  # each is a thing of its own
    transformer: InfiniteTalkTransformer3DModel,
    noise: torch.Tensor,
    clip: ClipInputs,
    settings: SamplerSettings,
    report_step: StepReporter,
    share: PassShare = ALL_PASSES,
) -> torch.Tensor:
    """Turn noise (1, 16, latent frames, h, w) into the latents of a clip.

    Args:
        transformer: Predicts the flow.
        noise: The same in all processes, where several make the clip.
        clip: What it is denoised from.
        settings: How to denoise.
        report_step: Is told each step.
        share: What this process computes of each step.
    """
    reset_tea_cache(transformer)
    guidance = Guidance(settings.scales, projected=settings.projected)
    timesteps = flow_timesteps(settings.num_inference_steps, settings.shift).to(noise.device)
    latents = overwrite_known(noise, clip.known_latents)
    passes = tuple(clip.contexts)
    for step in range(settings.num_inference_steps):
        report_step(step)
        own_preds = {kind: _predict(transformer, kind, latents, timesteps[step], clip) for kind in share.choose(passes)}
        noise_preds = share.exchange(own_preds, passes)
        latents = euler_step(latents, guidance.combine(noise_preds), timesteps[step], timesteps[step + 1])
        latents = overwrite_known(latents, clip.known_latents)
    report_step(settings.num_inference_steps)
    return latents


def _predict(
    transformer: InfiniteTalkTransformer3DModel,
    kind: Pass,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    clip: ClipInputs,
) -> torch.Tensor:
    """Run one guidance pass of one step; its predictions are combined in fp32."""
    hidden_states = torch.cat([latents, clip.condition], dim=1).to(transformer.compute_dtype)
    with transformer.cache_context(kind.value):
        noise_pred: torch.Tensor = transformer(hidden_states, timestep[None], clip.contexts[kind])
    return noise_pred.float()
