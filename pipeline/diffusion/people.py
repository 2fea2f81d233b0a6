"""Tell two speakers apart: which face a video token belongs to, as a rotary position for the audio attention.

Source: Kong et al., "Let Them Talk: Audio-Driven Multi-Person Conversational Video Generation" (2505.22647).
"""

import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

# MultiTalk's L-RoPE: positions within 4 of one another bind a face to the voice in its middle, 20 apart separate.
FIRST_PERSON_RANGE = (0.0, 4.0)
SECOND_PERSON_RANGE = (20.0, 24.0)
BACKGROUND_POSITION = 12.0
AUDIO_POSITIONS = (2.0, 22.0)
ROTARY_BASE = 10000.0
RANGE_EPSILON = 1e-8


def mask_tokens(speaker_masks: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Reduce the masks of two people to the token grid and add the background.

    Args:
        speaker_masks: (2, H, W), positive where the person is.
        height: Rows of the token grid.
        width: Columns of the token grid.

    Returns:
        Masks (3, height * width) of 0 and 1: first person, second person, background.
    """
    background = (speaker_masks.sum(dim=0, keepdim=True) == 0).to(speaker_masks.dtype)
    masks = torch.cat([speaker_masks, background])[None]
    return (F.interpolate(masks, size=(height, width), mode="nearest")[0] > 0).float().flatten(1)


def attention_to_masks(query: torch.Tensor, key: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Measure how much every video token looks at each mask in the first latent frame.

    The masks take the place of the values, so that the attention matrix is never held in memory.

    Args:
        query: Rotated queries of all tokens (batch, tokens, heads, head_dim).
        key: Rotated keys of the first latent frame (batch, height * width, heads, head_dim).
        masks: (3, height * width).

    Returns:
        Mean attention (batch, 3, tokens).
    """
    # A mask may be empty, e.g. the background of two people who fill the picture.
    weights = masks / masks.sum(dim=1, keepdim=True).clamp(min=1)
    values = F.pad(weights.T, (0, query.shape[-1] - len(weights)))
    values = values[None, :, None].expand_as(key)
    # In fp32, which only torch's own attention takes.
    attention: torch.Tensor = dispatch_attention_fn(query, key, values, backend=AttentionBackendName.NATIVE)
    return attention[..., : len(weights)].mean(dim=2).transpose(1, 2)


def query_positions(maps: torch.Tensor) -> torch.Tensor:
    """Turn the maps (batch, 3, tokens) into one rotary position a token (batch, tokens)."""
    first = _rescale(maps[:, 0], *FIRST_PERSON_RANGE)
    second = _rescale(maps[:, 1], *SECOND_PERSON_RANGE)
    background = torch.full_like(first, BACKGROUND_POSITION)
    # A token belongs to whom it looks at most; near a face's edge the two values may be closer than bf16 can tell.
    owner = maps.argmax(dim=1, keepdim=True)
    return torch.stack([first, second, background], dim=1).gather(1, owner).squeeze(1)


def _rescale(values: torch.Tensor, low: float, high: float) -> torch.Tensor:
    smallest, largest = values.aminmax(dim=-1, keepdim=True)
    return (values - smallest) / (largest - smallest + RANGE_EPSILON) * (high - low) + low


def audio_positions(num_tokens: int, device: torch.device) -> torch.Tensor:
    """Return the positions (1, 2 * num_tokens) of two people's audio tokens, one person after the other."""
    return torch.tensor(AUDIO_POSITIONS, device=device).repeat_interleave(num_tokens)[None]


def rotate(states: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Rotate neighbouring channel pairs of `states` (batch, n, heads, head_dim) by `positions` (batch or 1, n)."""
    head_dim = states.shape[-1]
    exponents = torch.arange(0, head_dim, 2, device=states.device, dtype=torch.float32) / head_dim
    angles = (positions.float()[..., None] * ROTARY_BASE**-exponents)[:, :, None]
    return rotate_pairs(states.float(), angles.cos(), angles.sin()).type_as(states)


def rotate_pairs(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotate neighbouring channels of `states` (..., channels) by angles (..., channels / 2)."""
    even, odd = states.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
