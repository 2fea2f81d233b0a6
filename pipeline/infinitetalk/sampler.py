"""Denoise one clip."""

from dataclasses import dataclass

import torch

from pipeline.diffusion.clip_loop import StepReporter
from pipeline.diffusion.flow import euler_step, flow_timesteps, insert_motion_latents
from pipeline.diffusion.guidance import Guidance, GuidanceBranch, GuidanceScales
from pipeline.diffusion.tea_cache import reset_tea_cache
from pipeline.distributed.guidance_parallel import ONE_RANK, GuidanceParallel
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel


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
        motion_latents: Clean first frames, of the photo or of the clip before (1, 16, motion frames, h, w).
        condition: Mask and photo latents (1, 20, latent frames, h, w).
        conditionings: What each guidance branch attends to.
    """

    motion_latents: torch.Tensor
    condition: torch.Tensor
    conditionings: dict[GuidanceBranch, Conditioning]


def denoise(  # noqa: PLR0917  # each is a thing of its own
    transformer: InfiniteTalkTransformer3DModel,
    noise: torch.Tensor,
    clip: ClipInputs,
    settings: SamplerSettings,
    report_step: StepReporter,
    parallel: GuidanceParallel = ONE_RANK,
) -> torch.Tensor:
    """Turn noise (1, 16, latent frames, h, w) into the latents of a clip.

    Args:
        transformer: Predicts the flow.
        noise: The same in all ranks, where several make the clip.
        clip: What it is denoised from.
        settings: How to denoise.
        report_step: Is told each step.
        parallel: What this rank computes of each step.
    """
    reset_tea_cache(transformer)
    guidance = Guidance(settings.scales, projected=settings.projected)
    timesteps = flow_timesteps(settings.num_inference_steps, settings.shift).to(noise.device)
    latents = insert_motion_latents(noise, clip.motion_latents)
    branches = tuple(clip.conditionings)
    for step in range(settings.num_inference_steps):
        report_step(step)
        own_preds = {
            branch: _predict(transformer, branch, latents, timesteps[step], clip)
            for branch in parallel.choose(branches)
        }
        noise_preds = parallel.exchange(own_preds, branches)
        latents = euler_step(latents, guidance.combine(noise_preds), timesteps[step], timesteps[step + 1])
        latents = insert_motion_latents(latents, clip.motion_latents)
    report_step(settings.num_inference_steps)
    return latents


def _predict(
    transformer: InfiniteTalkTransformer3DModel,
    branch: GuidanceBranch,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    clip: ClipInputs,
) -> torch.Tensor:
    """Run one guidance branch of one step; its predictions are combined in fp32."""
    # 16 channels of noise, 4 of the mask, 16 of the photo: the order of Wan's patch embedding.
    hidden_states = torch.cat([latents, clip.condition], dim=1).to(transformer.compute_dtype)
    # A TeaCache of its own for each branch: they share the modulation, but not what the blocks add.
    with transformer.cache_context(branch.value):
        noise_pred: torch.Tensor = transformer(hidden_states, timestep[None], clip.conditionings[branch])
    # Guidance multiplies differences of predictions, and their rounding with them.
    return noise_pred.float()
