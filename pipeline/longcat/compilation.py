"""Compile the transformer while the model loads, so that no job waits for it."""

import torch

from pipeline.diffusion.compilation import compile_with
from pipeline.diffusion.context import AttentionContext
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer, People

# Any size will do: the graph is the same for all. But no two are alike, or the graph would be for such sizes only.
NUM_FRAMES, NUM_LATENT_FRAMES, HEIGHT, WIDTH, NUM_PROMPT_TOKENS = 25, 7, 16, 20, 9
NUM_PEOPLE = 2
# The photo alone, and what a segment goes on from.
CONTINUATIONS = (Continuation(1), Continuation(2, reference_index=4, mask_frame_range=1))


def compile_transformer(transformer: LongCatTransformer, device: torch.device) -> bool:
    """Compile the blocks and send small segments through them.

    Args:
        transformer: On the device. Where the compiler fails, it stays as it was.
        device: Where it computes.

    Returns:
        Whether it is compiled.
    """
    return compile_with(transformer, lambda: _run_small_segments(transformer, device))


def _run_small_segments(transformer: LongCatTransformer, device: torch.device) -> None:
    for num_people in (1, NUM_PEOPLE):
        for continuation in CONTINUATIONS:
            _run_small_segment(transformer, device, continuation, num_people)


@torch.no_grad()
def _run_small_segment(
    transformer: LongCatTransformer, device: torch.device, continuation: Continuation, num_people: int
) -> None:
    sizes, dtype = transformer.architecture, transformer.compute_dtype

    def make(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=device, dtype=dtype)

    num_known = continuation.num_known
    num_given = num_known + (continuation.reference_index is not None)
    known = transformer.remember(make(1, sizes.in_channels, num_given, HEIGHT, WIDTH), continuation)
    windows = make(1, num_people, NUM_FRAMES, sizes.audio_window, sizes.audio_layers, sizes.audio_channels)
    text = make(1, NUM_PROMPT_TOKENS, sizes.text_dim)
    people = None if num_people == 1 else People(torch.zeros(num_people, HEIGHT, WIDTH, device=device))
    conditioning = Conditioning(AttentionContext(text), AttentionContext(windows), people)
    noise = make(1, sizes.in_channels, NUM_LATENT_FRAMES - num_known, HEIGHT, WIDTH)
    transformer(noise, torch.zeros(1, device=device), conditioning, known)
