"""Tell people apart: which face a video token belongs to, as a rotary position for the audio attention.

The model knows two people, each with a voice: two seats. Whoever is in the picture sits in one of them or belongs to
the background, and may change the seat from one latent frame to another.

Source: Kong et al., "Let Them Talk: Audio-Driven Multi-Person Conversational Video Generation" (2505.22647).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

FIRST_SEAT, SECOND_SEAT, BACKGROUND = range(3)
# Of a model that knows people who keep still, and gives them a silent voice of their own.
STILL_SEAT = 3
# MultiTalk's L-RoPE: positions within 4 of one another bind a face to the voice in its middle, 20 apart separate.
SEAT_STARTS = (0.0, 20.0)
SEAT_WIDTH = 4.0
BACKGROUND_POSITION = 12.0
AUDIO_POSITIONS = (2.0, 22.0)
# Where such a model knows that there are some, the background and they are here, and their voice.
STILL_POSITION = 100.0
ROTARY_BASE = 10000.0
RANGE_EPSILON = 1e-8

Extremes = tuple[torch.Tensor, torch.Tensor]


class SeatedPeople(NamedTuple):
    """Who is where in a clip.

    Attributes:
        masks: (people + 1, tokens of a latent frame) of 0 and 1: each person, then the background.
        weights: (latent frames, 3, people + 1), or 4 where people who keep still have a seat. What each seat, and the
            background, makes of what a token gives to each mask: the mean over all tokens of those who sit there in
            that latent frame.
    """

    masks: torch.Tensor
    weights: torch.Tensor


def seat_people(masks: torch.Tensor, seats: torch.Tensor, num_seats: int = 3) -> SeatedPeople:
    """Let people take their seats.

    Args:
        masks: (people + 1, tokens of a latent frame): each person, then the background.
        seats: (latent frames, people): `FIRST_SEAT`, `SECOND_SEAT`, `BACKGROUND` or `STILL_SEAT`.
        num_seats: The background's included; 4 where people who keep still have one.
    """
    members = F.one_hot(F.pad(seats, (0, 1), value=BACKGROUND), num_seats).transpose(1, 2).to(masks)
    # A mask may be empty, e.g. the background of two people who fill the picture.
    num_tokens = (members @ masks.sum(dim=1)).clamp(min=1)
    return SeatedPeople(masks, members / num_tokens[..., None])


def mask_tokens(speaker_masks: torch.Tensor, height: int, width: int, num_still: int = 0) -> torch.Tensor:
    """Reduce the masks of people to the token grid and add the background.

    Args:
        speaker_masks: (people, H, W), positive where the person is.
        height: Rows of the token grid.
        width: Columns of the token grid.
        num_still: How many of the last masks are in the background as well.

    Returns:
        Masks (people + 1, height * width) of 0 and 1: each person, then the background.
    """
    others = speaker_masks[: len(speaker_masks) - num_still]
    background = (others.sum(dim=0, keepdim=True) == 0).to(speaker_masks.dtype)
    masks = torch.cat([speaker_masks, background])[None]
    return (F.interpolate(masks, size=(height, width), mode="nearest")[0] > 0).float().flatten(1)


def attention_to_masks(query: torch.Tensor, key: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Measure how much every video token looks at each mask in the first latent frame.

    The masks take the place of the values, so that the attention matrix is never held in memory. They are 0 and 1,
    which any precision holds exactly; what rounding does to a head is averaged over the heads, in fp32.

    Args:
        query: Rotated queries of all tokens (batch, tokens, heads, head_dim).
        key: Rotated keys of the first latent frame (batch, height * width, heads, head_dim).
        masks: (masks, height * width).

    Returns:
        Share of the attention (batch, masks, tokens), 0 to 1, in fp32.
    """
    values = F.pad(masks.T, (0, query.shape[-1] - masks.shape[0])).to(key.dtype)
    values = values[None, :, None].expand_as(key)
    # Torch's own attention: the others are chosen for as many keys as queries, and some multiply in 8 bits.
    attention: torch.Tensor = dispatch_attention_fn(query, key, values, backend=AttentionBackendName.NATIVE)
    return attention[..., : masks.shape[0]].float().mean(dim=2).transpose(1, 2)


def query_positions(
    attention: torch.Tensor,
    weights: torch.Tensor,
    frames: torch.Tensor,
    agree: Callable[[Extremes], Extremes] = lambda own: own,
) -> torch.Tensor:
    """Turn what tokens look at into one rotary position a token.

    Args:
        attention: (batch, masks, tokens), from `attention_to_masks`.
        weights: Of the seats, as in `SeatedPeople`.
        frames: Latent frame of each token (tokens,).
        agree: Takes the smallest and the largest values of these tokens; returns those of the whole clip.

    Returns:
        (batch, tokens).
    """
    # Smallest and largest are those of who sits there over the whole clip, whenever it is that he does.
    smallest, largest = agree(torch.einsum("tsm,bmn->btsn", weights, attention).aminmax(dim=-1))
    seats = (weights[frames] * attention.transpose(1, 2)[:, :, None]).sum(dim=-1)
    scaled = (seats - smallest[:, frames]) / (largest - smallest + RANGE_EPSILON)[:, frames] * SEAT_WIDTH
    first, second = (scaled[..., seat] + start for seat, start in enumerate(SEAT_STARTS))
    has_still = weights.shape[1] > STILL_SEAT
    background = torch.full_like(first, STILL_POSITION if has_still else BACKGROUND_POSITION)
    # A token belongs to whom it looks at most; near a face's edge the two values may be closer than bf16 can tell.
    owner = seats.argmax(dim=-1, keepdim=True).clamp(max=BACKGROUND)
    return torch.stack([first, second, background], dim=-1).gather(-1, owner).squeeze(-1)


def audio_positions(num_tokens: int, device: torch.device, *, has_still: bool = False) -> torch.Tensor:
    """Return the positions (1, voices * num_tokens) of people's audio tokens, one person after the other.

    Args:
        num_tokens: Of each voice.
        device: Of the positions.
        has_still: Whether a third voice is that of people who keep still; otherwise there are two.
    """
    positions = (*AUDIO_POSITIONS, STILL_POSITION) if has_still else AUDIO_POSITIONS
    return torch.tensor(positions, device=device).repeat_interleave(num_tokens)[None]


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
