"""Timesteps and Euler steps of the flow from noise to video."""

import torch

NUM_TRAIN_TIMESTEPS = 1000


def flow_timesteps(num_inference_steps: int, shift: float) -> torch.Tensor:
    """Return the shifted timesteps (num_inference_steps + 1,), from 1000 down to 0.

    diffusers' scheduler comes within 1e-4 of these, which is not near enough to repeat a video of the original.
    """
    # t' = s u / (1 + (s - 1) u): the larger the shift, the more of the steps are at high noise.
    uniform = torch.linspace(NUM_TRAIN_TIMESTEPS, 1, num_inference_steps) / NUM_TRAIN_TIMESTEPS
    shifted = shift * uniform / (1 + (shift - 1) * uniform)
    return torch.cat([shifted * NUM_TRAIN_TIMESTEPS, torch.zeros(1)])


def euler_step(
    latents: torch.Tensor, noise_pred: torch.Tensor, timestep: torch.Tensor, next_timestep: torch.Tensor
) -> torch.Tensor:
    """Follow the predicted flow from `timestep` to `next_timestep`."""
    return latents - noise_pred.float() * (timestep - next_timestep) / NUM_TRAIN_TIMESTEPS


def insert_motion_latents(latents: torch.Tensor, motion_latents: torch.Tensor) -> torch.Tensor:
    """Replace the first latent frames (dim 2) by clean ones, which are given and not made."""
    # Called before the first step and after each, so that the model always sees them clean.
    return torch.cat([motion_latents, latents[:, :, motion_latents.shape[2] :]], dim=2)
