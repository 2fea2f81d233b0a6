"""The video's attention to itself, and the faces that its tokens look at."""

from typing import NamedTuple

import torch
from diffusers.models._modeling_parallel import ParallelConfig
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor

from pipeline.diffusion.people import SeatedPeople, attention_to_masks, query_positions, rotate_pairs
from pipeline.distributed.context_parallel import agree_on_extremes, find_part, gather_first_tokens

RotaryEmbedding = tuple[torch.Tensor, torch.Tensor]


class Attended(NamedTuple):
    """What a self-attention gives.

    Attributes:
        output: (batch, tokens, dim).
        query: After norm and rotation (batch, tokens, heads, head_dim).
        key: After norm and rotation (batch, tokens, heads, head_dim).
    """

    output: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor


class SelfAttentionProcessor(WanAttnProcessor):  # type: ignore[misc]  # diffusers is untyped
    """Attend, and hand on queries and keys, which also say at whom a token looks."""

    @property
    def parallel_config(self) -> ParallelConfig | None:
        """The ranks that share a clip's tokens; None where there is one."""
        return self._parallel_config

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        rotary_emb: RotaryEmbedding | None = None,
    ) -> Attended:
        """Run the attention that this processor is set on."""
        del encoder_hidden_states, attention_mask
        assert rotary_emb is not None
        query = _rotate(attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1)), rotary_emb)
        key = _rotate(attn.norm_k(attn.to_k(hidden_states)).unflatten(2, (attn.heads, -1)), rotary_emb)
        value = attn.to_v(hidden_states).unflatten(2, (attn.heads, -1))
        attended = dispatch_attention_fn(
            query, key, value, backend=self._attention_backend, parallel_config=self._parallel_config
        )
        return Attended(attn.to_out[0](attended.flatten(2).type_as(query)), query, key)


def _rotate(states: torch.Tensor, rotary_emb: RotaryEmbedding) -> torch.Tensor:
    cos, sin = rotary_emb
    # Wan's tables repeat each angle for the two channels of a pair.
    return rotate_pairs(states, cos[..., 0::2], sin[..., 1::2]).type_as(states)


def face_positions(attended: Attended, people: SeatedPeople, config: ParallelConfig | None) -> torch.Tensor:
    """Return each token's rotary position (batch, tokens) by the face it looks at in the first latent frame.

    Args:
        attended: The block's own self-attention says where a token looks.
        people: Who is where.
        config: The ranks that share the clip's tokens; None where there is one.
    """
    num_frames, num_frame_tokens = people.weights.shape[0], people.masks.shape[1]
    # Keys of the first latent frame alone, where the masks hold.
    key = gather_first_tokens(attended.key, num_frame_tokens, config)
    attention = attention_to_masks(attended.query, key, people.masks)
    frames = find_part(attended.query.shape[1], num_frames, config).find_frames(attention.device)
    return query_positions(attention, people.weights, frames, lambda own: agree_on_extremes(own, config))
