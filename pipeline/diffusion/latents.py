"""From frames to latents, and the condition that the transformer gets beside the noise."""

import torch
from diffusers import AutoencoderKLWan
from torch import nn

from pipeline.diffusion.still_frames import encoding_still_frames
from pipeline.errors import EngineError
from pipeline.types import FrameSize, Pixels

NUM_MASK_CHANNELS = 4


def check_sides(size: FrameSize, multiple: int) -> None:
    """Refuse a frame that tokens of so many pixels do not fill.

    Raises:
        EngineError: A side is no multiple.
    """
    if size.height % multiple or size.width % multiple:
        raise EngineError(f"Expected a frame with sides that {multiple} divides, got {size.width} x {size.height}.")


def frames_to_tensor(pixels: Pixels, device: torch.device) -> torch.Tensor:
    """Turn a picture (height, width, 3) into one frame (1, 3, 1, height, width) in [-1, 1]."""
    frame = torch.from_numpy(pixels.copy()).to(device).permute(2, 0, 1)
    return frame[None, :, None].float() / 127.5 - 1


def tensor_to_frames(frames: torch.Tensor) -> Pixels:
    """Turn frames (1, 3, n, height, width) in [-1, 1] into pictures (n, height, width, 3)."""
    pixels: Pixels = ((frames[0] + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 3, 0).cpu().numpy()
    return pixels


def order_for_gpu(vae: AutoencoderKLWan) -> None:
    """Keep the channels of the convolutions' weights together, as the GPU's fastest kernels read them."""
    for module in vae.modules():
        if isinstance(module, nn.Conv3d):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.weight.data = module.weight.data.to(memory_format=torch.channels_last)


def encode_frames(vae: AutoencoderKLWan, frames: torch.Tensor) -> torch.Tensor:
    """Encode (1, 3, 4n + 1, height, width) in [-1, 1] to normalised latents (1, 16, n + 1, h, w)."""
    mean, std = latent_statistics(vae, frames)
    # The mode, not a sample: the same photo must give the same latents.
    latents: torch.Tensor = (vae.encode(frames.to(vae.dtype)).latent_dist.mode().float() - mean) / std
    return latents


def latent_statistics(vae: AutoencoderKLWan, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation of the VAE's latents, each (16, 1, 1, 1), in the type of a tensor."""
    mean, std = (like.new_tensor(values) for values in (vae.config.latents_mean, vae.config.latents_std))
    return mean.view(-1, 1, 1, 1), std.view(-1, 1, 1, 1)


def photo_condition(vae: AutoencoderKLWan, photo: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Build the condition channels of a clip that starts at the photo.

    Args:
        vae: The video VAE.
        photo: (1, 3, 1, height, width) in [-1, 1].
        num_frames: Video frames of the clip, 4n + 1.

    Returns:
        Mask and latents (1, 4 + 16, n + 1, h, w). The first latent frame is the photo's own: the VAE never looks
        ahead.
    """
    # Zero is mid-grey in [-1, 1], which Wan's image-to-video has after the photo.
    gray = photo.new_zeros(1, 3, num_frames - 1, *photo.shape[3:])
    with encoding_still_frames(vae):
        latents = encode_frames(vae, torch.cat([photo, gray], dim=2))
    # Marks the photo's frame alone, in later clips too, though three latent frames are given there: as the original.
    mask = torch.zeros_like(latents[:, :NUM_MASK_CHANNELS])
    mask[:, :, :1] = 1
    return torch.cat([mask, latents], dim=1)
