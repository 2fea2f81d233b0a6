"""Compile the transformer while the model loads, so that no job waits for it."""

import torch

from pipeline.diffusion.compilation import compile_with
from pipeline.diffusion.context import AttentionContext
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer, People

# Any size will do: the graph is the same for all. But no two are alike, or the graph would be for such sizes only.
NUM_FRAMES, NUM_LATENT_FRAMES, HEIGHT, WIDTH, NUM_PROMPT_TOKENS = 53, 14, 18, 22, 9
# Two voices, whoever there is in the picture. Those who keep still beside two speakers take graphs of their own.
NUM_VOICES = 2
# Above what one transformer takes: people or none, still ones, a LoRA or none, and a rank's share of the passes.
MAX_GRAPHS = 32
# The photo alone, and what a segment goes on from.
CONTINUATIONS = (Continuation(1), Continuation(3, reference_index=6, mask_frame_range=2))


def compile_transformer(transformer: LongCatTransformer, device: torch.device) -> bool:
    """Compile the blocks and send small segments through them.

    Args:
        transformer: On the device. Where the compiler fails, it stays as it was.
        device: Where it computes.

    Returns:
        Whether it is compiled.
    """
    # Beyond the compiler's own limit, further kinds of segments would run uncompiled, and say so in the log alone.
    torch._dynamo.config.recompile_limit = MAX_GRAPHS  # noqa: SLF001  # torch has no other name for it
    return compile_with(transformer, lambda: _run_small_segments(transformer, device))


def _run_small_segments(transformer: LongCatTransformer, device: torch.device) -> None:
    first, later = CONTINUATIONS
    # The graph of a first number of people is for that number alone, the one of a second number for any.
    for continuation, num_people in ((first, 1), (later, 1), (first, 2), (first, 3), (later, 3)):
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
    num_noise, num_voices = NUM_LATENT_FRAMES - num_known, min(num_people, NUM_VOICES)
    windows = make(1, num_voices, NUM_FRAMES, sizes.audio_window, sizes.audio_layers, sizes.audio_channels)
    text = make(1, NUM_PROMPT_TOKENS, sizes.text_dim)
    masks = torch.zeros(num_people, HEIGHT, WIDTH, device=device)
    seats = torch.zeros(num_noise, num_people, dtype=torch.long, device=device)
    people = People(masks, seats) if num_people > 1 else None
    conditioning = Conditioning(AttentionContext(text), AttentionContext(windows), people)
    noise = make(1, sizes.in_channels, num_noise, HEIGHT, WIDTH)
    transformer(noise, torch.zeros(1, device=device), conditioning, known)
