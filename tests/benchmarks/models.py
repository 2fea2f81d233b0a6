"""The real model with random weights, made where it runs: nothing is downloaded."""

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch import nn

from pipeline.diffusion.context import AttentionContext
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel
from pipeline.types import FrameSize

# As in Wan2.1-I2V-14B's configuration.
WAN_I2V = {"in_channels": 36, "image_dim": 1280}
PIXELS_PER_LATENT = 8
# Many CPUs multiply in bf16 far slower than in fp32.
DTYPES = {"cuda": torch.bfloat16, "cpu": torch.float32}
SCALE = 0.02


def make_transformer(num_layers: int, device: torch.device, dtype: torch.dtype) -> InfiniteTalkTransformer3DModel:
    """Make the 14B transformer, or its first layers."""
    with init_empty_weights(include_buffers=False):
        transformer = InfiniteTalkTransformer3DModel(num_layers=num_layers)
    return fill(transformer, device, dtype)


def make_wan(num_layers: int, width: int, device: torch.device, dtype: torch.dtype) -> WanTransformer3DModel:
    """Make diffusers' own transformer of image-to-video, `width` channels wide."""
    with init_empty_weights(include_buffers=False):
        transformer = WanTransformer3DModel(**narrow(num_layers, width), **WAN_I2V)
    return fill(transformer, device, dtype)


def make_narrow(
    num_layers: int, width: int, device: torch.device, dtype: torch.dtype
) -> InfiniteTalkTransformer3DModel:
    """Make our transformer of the same size."""
    with init_empty_weights(include_buffers=False):
        transformer = InfiniteTalkTransformer3DModel(**narrow(num_layers, width), **WAN_I2V)
    return fill(transformer, device, dtype)


def narrow(num_layers: int, width: int) -> dict[str, int]:
    """Return the configuration of a transformer of another width, in the released proportions."""
    return {
        "num_layers": num_layers,
        "num_attention_heads": width // 128,
        "ffn_dim": width * 27 // 10,
        "added_kv_proj_dim": width,
    }


def make_vae(device: torch.device, dtype: torch.dtype) -> AutoencoderKLWan:
    """Make the video VAE."""
    with init_empty_weights(include_buffers=False):
        vae = AutoencoderKLWan()
    return fill(vae, device, dtype)


def fill(model: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Give an empty model small random weights, in fp32 what loading leaves in fp32."""
    kept = tuple(model._keep_in_fp32_modules or ())
    generator = torch.Generator(device).manual_seed(0)
    for name, parameter in list(model.named_parameters()):
        path, _, attribute = name.rpartition(".")
        own = torch.float32 if any(part in kept for part in name.split(".")) else dtype
        values = torch.empty(parameter.shape, device=device, dtype=own).normal_(std=SCALE, generator=generator)
        if attribute == "gamma" or (attribute == "weight" and parameter.ndim == 1):
            values += 1
        setattr(model.get_submodule(path), attribute, nn.Parameter(values, requires_grad=False))
    return model.to(device).eval()


def make_latents(size: FrameSize, num_frames: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Make the noise and the condition of a clip."""
    height, width = size.height // PIXELS_PER_LATENT, size.width // PIXELS_PER_LATENT
    return torch.randn(1, 36, (num_frames - 1) // 4 + 1, height, width, device=device, dtype=dtype)


def make_context(num_frames: int, device: torch.device, dtype: torch.dtype, *, num_people: int = 1) -> Conditioning:
    """Make what a pass attends to, for one person or for two, who have half of the picture each."""
    shapes = (1, 512, 4096), (1, 257, 1280), (1, num_people, num_frames, 5, 12, 768)
    text, image, windows = (AttentionContext(torch.randn(shape, device=device, dtype=dtype)) for shape in shapes)
    masks = torch.eye(2, device=device)[:, None] if num_people == 2 else None
    return Conditioning(text, image, windows, masks)
