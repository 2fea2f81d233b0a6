"""Compile the transformer while the model loads, so that no job waits for it."""

import logging
import time

import torch

from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.text_encoder import NUM_TEXT_TOKENS
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel

# Any size will do: the graph is the same for all.
NUM_FRAMES, NUM_LATENT_FRAMES, HEIGHT, WIDTH = 9, 3, 16, 20
NUM_IMAGE_TOKENS = 257

_log = logging.getLogger(__name__)


def compile_transformer(transformer: InfiniteTalkTransformer3DModel, device: torch.device) -> bool:
    """Compile the blocks and send a small clip through them.

    Args:
        transformer: On the device. Where the compiler fails, it stays as it was.
        device: Where it computes.

    Returns:
        Whether it is compiled.
    """
    started = time.monotonic()
    transformer.compile_blocks()
    try:
        _run_small_clip(transformer, device)
    except Exception as error:  # noqa: BLE001  # compilers fail in ways of their own, and the model runs without
        transformer.uncompile_blocks()
        _log.warning("The model could not be compiled and is about a sixth slower: %s", error)
        return False
    _log.info("Compiled the model in %.0f s.", time.monotonic() - started)
    return True


@torch.no_grad()
def _run_small_clip(transformer: InfiniteTalkTransformer3DModel, device: torch.device) -> None:
    config, dtype = transformer.config, transformer.compute_dtype

    def make(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=device, dtype=dtype)

    latents = make(1, config.in_channels, NUM_LATENT_FRAMES, HEIGHT, WIDTH)
    windows = make(1, 1, NUM_FRAMES, config.audio_window, config.audio_layers, config.audio_channels)
    text, image = make(1, NUM_TEXT_TOKENS, config.text_dim), make(1, NUM_IMAGE_TOKENS, config.image_dim)
    conditioning = Conditioning(AttentionContext(text), AttentionContext(image), AttentionContext(windows))
    transformer(latents, torch.zeros(1, device=device), conditioning)
