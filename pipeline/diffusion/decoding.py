"""From latents to frames, on a GPU in half the bits where that changes no picture."""

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from diffusers import AutoencoderKLWan

from pipeline.diffusion.latents import latent_statistics

LEVEL = 2 / 255
"""A step of 8 bits, in frames from -1 to 1."""

_log = logging.getLogger(__name__)


def decode_latents(
    vae: AutoencoderKLWan, latents: torch.Tensor, report: Callable[[float], None] = lambda _: None
) -> torch.Tensor:
    """Decode normalised latents (1, 16, n + 1, h, w) to frames (1, 3, 4n + 1, height, width) in [-1, 1], fp32.

    Args:
        vae: Decodes one latent frame after the other.
        latents: On its device.
        report: Is told how much is decoded, 0 to 1; may raise to stop.
    """
    with _watch_decoder(vae, latents, report):
        frames = _decode(vae, latents)
    if vae.post_quant_conv.weight.dtype == torch.float16 and frames.isnan().any():
        _log.warning("Decoding in fp16 left its range; from here on it is done in fp32.")
        vae.decoder.float()
        vae.post_quant_conv.float()
        frames = _decode(vae, latents)
    return frames


@torch.no_grad()
def halve_decoder(vae: AutoencoderKLWan, checked_side: int = 32) -> None:
    """Let the VAE decode in fp16, if the pictures that it makes of noise stay within a step of 8 bits.

    fp16 has as many bits as TF32, which a GPU's convolutions compute in when they are given fp32, at half the time and
    memory; bf16 has three fewer. What fp16 lacks is range, and how much of that a decoder needs, its weights decide.
    Encoding stays as it is: what it gets wrong, every step of a clip would go by.

    Args:
        vae: With its weights where they will be used.
        checked_side: Height and width of the noise, in latents.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 16, 2, checked_side, checked_side, generator=generator).to(vae.device)
    exact = vae.decoder, vae.post_quant_conv
    expected = _decode(vae, noise)
    vae.decoder, vae.post_quant_conv = (copy.deepcopy(module).half() for module in exact)
    error = (_decode(vae, noise) - expected).abs().max().item()
    if error < LEVEL:
        _log.info("Decoding: fp16, off by %.2f steps of 8 bits at most.", error / LEVEL)
    else:
        vae.decoder, vae.post_quant_conv = exact
        _log.info("Decoding: fp32, as fp16 does not hold this decoder's range.")


@contextmanager
def _watch_decoder(vae: AutoencoderKLWan, latents: torch.Tensor, report: Callable[[float], None]) -> Iterator[None]:
    num_decoded = 0

    def count(*_: object) -> None:
        nonlocal num_decoded
        num_decoded += 1
        if latents.is_cuda:
            torch.cuda.current_stream().synchronize()  # what is only queued is not done
        report(num_decoded / latents.shape[2])

    hook = vae.decoder.register_forward_hook(count)
    try:
        yield
    finally:
        hook.remove()


def _decode(vae: AutoencoderKLWan, latents: torch.Tensor) -> torch.Tensor:
    mean, std = latent_statistics(vae, latents)
    scaled = (latents * std + mean).to(vae.post_quant_conv.weight.dtype)
    frames: torch.Tensor = vae.decode(scaled).sample.float()
    return frames
