"""Compile the transformer while the model loads, so that no job waits for it."""

from dataclasses import replace

import torch

from pipeline.diffusion.compilation import compile_with
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.text_encoder import NUM_TEXT_TOKENS
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel

# Any size will do: the graph is the same for all. But no two are alike, or the graph would be for such sizes only.
NUM_FRAMES, NUM_LATENT_FRAMES, HEIGHT, WIDTH = 17, 5, 16, 20
NUM_IMAGE_TOKENS = 257
# Two voices, whoever there is in the picture.
NUM_PEOPLE, NUM_VOICES = 3, 2


def compile_transformer(
    transformer: InfiniteTalkTransformer3DModel, device: torch.device, *, with_people: bool = False
) -> bool:
    """Compile the blocks and send a small clip through them.

    Args:
        transformer: On the device. Where the compiler fails, it stays as it was.
        device: Where it computes.
        with_people: Also for clips of two people and more, which take a graph of their own.

    Returns:
        Whether it is compiled.
    """

    def try_out() -> None:
        for people in (None, NUM_PEOPLE) if with_people else (None,):
            _run_small_clip(transformer, device, people)

    return compile_with(transformer, try_out)


@torch.no_grad()
def _run_small_clip(transformer: InfiniteTalkTransformer3DModel, device: torch.device, num_people: int | None) -> None:
    config, dtype = transformer.config, transformer.compute_dtype

    def make(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=device, dtype=dtype)

    latents = make(1, config.in_channels, NUM_LATENT_FRAMES, HEIGHT, WIDTH)
    num_voices = 1 if num_people is None else NUM_VOICES
    windows = make(1, num_voices, NUM_FRAMES, config.audio_window, config.audio_layers, config.audio_channels)
    text, image = make(1, NUM_TEXT_TOKENS, config.text_dim), make(1, NUM_IMAGE_TOKENS, config.image_dim)
    conditioning = Conditioning(AttentionContext(text), AttentionContext(image), AttentionContext(windows))
    if num_people is not None:
        masks = torch.zeros(num_people, HEIGHT, WIDTH, device=device)
        seats = torch.zeros(NUM_LATENT_FRAMES, num_people, dtype=torch.long, device=device)
        conditioning = replace(conditioning, speaker_masks=masks, seats=seats)
    transformer(latents, torch.zeros(1, device=device), conditioning)
