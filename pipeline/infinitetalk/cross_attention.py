"""What a block of the transformer attends to besides the video: the prompt, the photo and the speech."""

from typing import NamedTuple

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import WanAttention
from torch import nn

from pipeline.diffusion.context import BlockContext, KeyValue
from pipeline.diffusion.people import audio_positions, rotate
from pipeline.distributed.context_parallel import find_part


class BlockContexts(NamedTuple):
    """What one block attends to."""

    text: BlockContext
    image: BlockContext
    audio: BlockContext


class ContextKeyValues(NamedTuple):
    """The keys and values that one block made of its contexts."""

    text: KeyValue
    image: KeyValue
    audio: KeyValue


class CrossAttentionProcessor:
    """Attend to the prompt and to the photo."""

    def __call__(
        self,
        attn: WanAttention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: ContextKeyValues,
        attention_mask: None = None,
        rotary_emb: None = None,
    ) -> torch.Tensor:
        """Run the attention that this processor is set on."""
        del attention_mask, rotary_emb
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        text, image, _ = encoder_hidden_states
        # Two softmaxes over the same queries: the photo has keys and values of its own.
        attended = dispatch_attention_fn(query, *text) + dispatch_attention_fn(query, *image)
        output: torch.Tensor = attn.to_out[0](attended.flatten(2).type_as(hidden_states))
        return output


def project_text(attn: WanAttention, states: torch.Tensor) -> KeyValue:
    """Return the keys and values of the prompt."""
    key, value = attn.norm_k(attn.to_k(states)), attn.to_v(states)
    return KeyValue(key.unflatten(2, (attn.heads, -1)), value.unflatten(2, (attn.heads, -1)))


def project_image(attn: WanAttention, states: torch.Tensor) -> KeyValue:
    """Return the keys and values of the photo."""
    key, value = attn.norm_added_k(attn.add_k_proj(states)), attn.add_v_proj(states)
    return KeyValue(key.unflatten(2, (attn.heads, -1)), value.unflatten(2, (attn.heads, -1)))


class AudioAttention(nn.Module):
    """Let the video tokens of a latent frame hear that frame's audio tokens."""

    _parallel_config = None

    def __init__(self, dim: int, num_heads: int, audio_dim: int) -> None:
        super().__init__()
        self.heads = num_heads
        self.to_q = nn.Linear(dim, dim)
        self.to_kv = nn.Linear(audio_dim, 2 * dim)
        self.to_out = nn.Linear(dim, dim)

    def forward(
        self, hidden_states: torch.Tensor, key_value: KeyValue, positions: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Attend to the audio.

        Args:
            hidden_states: (batch, tokens, dim).
            key_value: What `project` made of the audio tokens.
            positions: Rotary positions (batch, tokens) that tell two people apart, None for one person.

        Returns:
            (batch, tokens, dim).
        """
        query = self.to_q(hidden_states).unflatten(-1, (self.heads, -1))
        if positions is not None:
            query = rotate(query, positions)
        key, value = key_value
        part = find_part(query.shape[1], key.shape[0], self._parallel_config)
        attended = dispatch_attention_fn(part.split(query), part.take(key), part.take(value))
        output: torch.Tensor = self.to_out(part.join(attended.flatten(2)))
        return output

    def project(self, tokens: torch.Tensor, *, rotated: bool) -> KeyValue:
        """Return keys and values (batch * latent_frames, audio_tokens, heads, head_dim).

        Args:
            tokens: Audio tokens (batch, latent_frames, audio_tokens, audio_dim).
            rotated: Whether their positions tell two people apart.
        """
        # The adapter's `kv_linear` is laid out (k | v) x heads x head_dim, without norms on queries and keys.
        key, value = self.to_kv(tokens).flatten(0, 1).unflatten(-1, (2, self.heads, -1)).unbind(2)
        if rotated:
            # Only with two people: a single one has nobody to be told apart from.
            key = rotate(key, audio_positions(key.shape[1] // 2, key.device))
        return KeyValue(key, value)
