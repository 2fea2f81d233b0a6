"""How much there is to compute in a forward pass, counted, not measured: the floor of every time. Needs no torch."""

from dataclasses import dataclass

from pipeline.diffusion.clips import FRAMES_PER_LATENT
from pipeline.profiles import FrameSize

# The VAE's stride times the transformer's patch.
PIXELS_PER_TOKEN = 16


@dataclass(frozen=True)
class TransformerSize:
    """What decides how long a forward takes; the defaults are the released 14B model's.

    Attributes:
        num_layers: Blocks.
        dim: Width.
        ffn_dim: Width of the feed-forward's hidden layer.
        num_context_tokens: Tokens of prompt, photo and one person's audio that every video token attends to.
        num_audio_tokens: Of them, those of the audio.
        num_ffn_matrices: Of the feed-forward; 3 where its hidden layer is gated.
    """

    num_layers: int = 40
    dim: int = 5120
    ffn_dim: int = 13824
    num_context_tokens: int = 512 + 257 + 32
    num_audio_tokens: int = 32
    num_ffn_matrices: int = 2


def count_tokens(size: FrameSize, num_frames: int) -> int:
    """Return the video tokens of a clip of 4n + 1 frames."""
    num_latent_frames = (num_frames - 1) // FRAMES_PER_LATENT + 1
    return num_latent_frames * (size.height // PIXELS_PER_TOKEN) * (size.width // PIXELS_PER_TOKEN)


def count_forward_flops(
    num_tokens: int, transformer: TransformerSize = TransformerSize(), num_seen: int | None = None
) -> float:
    """Return the floating-point operations of a forward pass, whose contexts are projected already.

    Multiplication and addition count as two. Norms, embeddings and activations, below 1 % together, do not count.

    Args:
        num_tokens: Video tokens that are computed.
        transformer: Its size.
        num_seen: Video tokens that each of them attends to; None where they are the same.
    """
    num_seen = num_tokens if num_seen is None else num_seen
    dim = transformer.dim
    # q, k, v, o of the self-attention, q and o of the cross-attention and of the audio attention, the feed-forward.
    linear = 2 * num_tokens * (8 * dim**2 + transformer.num_ffn_matrices * dim * transformer.ffn_dim)
    attention = 4 * num_tokens * dim * (num_seen + transformer.num_context_tokens)
    return float(transformer.num_layers * (linear + attention))


def count_people_flops(
    num_tokens: int, num_frame_tokens: int, transformer: TransformerSize = TransformerSize()
) -> float:
    """Return what telling people apart adds to a forward pass: each block attends to the first latent frame once more.

    Queries and keys are those of the self-attention; masks are the values.

    Args:
        num_tokens: Video tokens of the clip.
        num_frame_tokens: Those of its first latent frame.
        transformer: Its size.
    """
    # The second voice has as many audio tokens as the first.
    audio = 4 * num_tokens * transformer.dim * transformer.num_audio_tokens
    return float(transformer.num_layers * (4 * num_tokens * transformer.dim * num_frame_tokens + audio))
