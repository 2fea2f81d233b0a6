"""What the tokens of a LongCat transformer attend to: one another, the prompt and the voices."""

from typing import NamedTuple

import torch
from diffusers.models._modeling_parallel import ParallelConfig
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn
from torch import nn

from pipeline.diffusion.context import KeyValue
from pipeline.diffusion.people import rotate, rotate_pairs
from pipeline.distributed.context_parallel import find_part, gather_first_tokens, gather_heads, gather_tokens
from pipeline.longcat.layers import HeadNorm, LayerMaker

ROTARY_BASE = 10000.0


class RotaryEmbedding(NamedTuple):
    """Cosines and sines of tokens' angles, each (1, tokens, 1, head_dim / 2), in fp32."""

    cos: torch.Tensor
    sin: torch.Tensor


class RotaryPositions(nn.Module):
    """Give tokens their angles by latent frame, row and column."""

    def __init__(self, head_dim: int) -> None:
        super().__init__()
        side = 2 * (head_dim // 6)
        self._sizes = (head_dim - 2 * side, side, side)

    def forward(self, times: torch.Tensor, height: int, width: int) -> RotaryEmbedding:
        """Return the angles of all tokens of some frames.

        Args:
            times: The frames' positions (frames,).
            height: Rows of a frame.
            width: Columns of a frame.
        """
        rows, columns = (torch.arange(side, device=times.device) for side in (height, width))
        grid = torch.meshgrid(times.float(), rows.float(), columns.float(), indexing="ij")
        angles = [_angles(axis.flatten(), size) for axis, size in zip(grid, self._sizes, strict=True)]
        joined = torch.cat(angles, dim=-1)[None, :, None]
        return RotaryEmbedding(joined.cos(), joined.sin())


def _angles(positions: torch.Tensor, num_channels: int) -> torch.Tensor:
    exponents = torch.arange(0, num_channels, 2, device=positions.device, dtype=torch.float32) / num_channels
    return torch.outer(positions, 1 / ROTARY_BASE**exponents)


class KnownKeyValues(NamedTuple):
    """What one block remembers of a segment's known frames.

    Attributes:
        key: After norm and rotation (1, known tokens, heads, head_dim), of this rank's heads; the reference's first.
        value: The same of the values.
        face_key: Of the sequence's first frame (1, tokens of a frame, heads, head_dim), of all heads.
    """

    key: torch.Tensor
    value: torch.Tensor
    face_key: torch.Tensor


class Sight(NamedTuple):
    """Which of the noise tokens do not see the reference frame, which comes first among what is known.

    Attributes:
        begin: The first of them.
        end: After the last.
        num_reference: Tokens of the reference frame.
    """

    begin: int
    end: int
    num_reference: int


class Attended(NamedTuple):
    """What a self-attention gives.

    Attributes:
        output: (1, tokens, dim).
        query: After norm and rotation (1, tokens, heads, head_dim).
        key: The same.
    """

    output: torch.Tensor
    query: torch.Tensor
    key: torch.Tensor


class SelfAttention(nn.Module):
    """The video's attention to itself: noise sees noise and what is known; what is known sees itself only.

    Where several ranks share the tokens, each attends with some of the heads, and keeps what is known of those.
    """

    # Attention is dispatched as if there were one rank: it need not know of others.
    exchanges_tokens = True
    _attention_backend: AttentionBackendName | None = None
    _parallel_config: ParallelConfig | None = None

    def __init__(self, dim: int, num_heads: int, make: LayerMaker) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = make.linear(dim, 3 * dim)
        self.q_norm = HeadNorm(dim // num_heads)
        self.k_norm = HeadNorm(dim // num_heads)
        self.proj = make.linear(dim, dim)

    @property
    def parallel_config(self) -> ParallelConfig | None:
        """The ranks that share a clip's tokens; None where there is one."""
        return self._parallel_config

    def forward(
        self, hidden_states: torch.Tensor, rotary: RotaryEmbedding, known: KnownKeyValues | None, sight: Sight | None
    ) -> Attended:
        """Let noise attend.

        Args:
            hidden_states: Of the noise (1, tokens, dim).
            rotary: Its angles.
            known: What it sees besides; None where nothing is known.
            sight: What does not see the reference; None where all do.
        """
        query, key, value = self._project(hidden_states, rotary)
        q, k, v = (gather_tokens(states, self._parallel_config) for states in (query, key, value))
        if known is not None:
            k, v = torch.cat([known.key, k], dim=1), torch.cat([known.value, v], dim=1)
        return Attended(self._join(self._attend(q, k, v, sight), hidden_states), query, key)

    def remember(
        self, hidden_states: torch.Tensor, rotary: RotaryEmbedding, num_frame_tokens: int, *, has_reference: bool
    ) -> tuple[torch.Tensor, KnownKeyValues]:
        """Let what is known attend to itself; return its output, and what noise will see of it.

        Args:
            hidden_states: Of the reference frame, if there is one, and of the other known frames (1, tokens, dim).
            rotary: Their angles.
            num_frame_tokens: Tokens of a frame.
            has_reference: Whether the first is a reference, which sees itself only and is seen by no other known frame.
        """
        query, key, value = self._project(hidden_states, rotary)
        q, k, v = (gather_tokens(states, self._parallel_config) for states in (query, key, value))
        num_reference = num_frame_tokens if has_reference else 0
        sizes = [size for size in (num_reference, q.shape[1] - num_reference) if size]
        parts = zip(*(states.split(sizes, dim=1) for states in (q, k, v)), strict=True)
        attended = torch.cat([self._dispatch(*part) for part in parts], dim=1)
        face_key = gather_first_tokens(key, num_frame_tokens, self._parallel_config)
        # Values of their own: a view would keep queries and keys in memory as well.
        return self._join(attended, hidden_states), KnownKeyValues(k, v.contiguous(), face_key)

    def _project(
        self, hidden_states: torch.Tensor, rotary: RotaryEmbedding
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        query, key, value = self.qkv(hidden_states).unflatten(-1, (3, self.num_heads, -1)).unbind(2)
        return _rotate(self.q_norm(query), rotary), _rotate(self.k_norm(key), rotary), value

    def _attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, sight: Sight | None) -> torch.Tensor:
        if sight is None:
            return self._dispatch(q, k, v)
        begin, end, num_reference = sight
        # Two attentions, each over the keys that its queries see: a mask would rule out the fast kernels.
        seeing = self._dispatch(torch.cat([q[:, :begin], q[:, end:]], dim=1), k, v)
        blind = self._dispatch(q[:, begin:end], k[:, num_reference:], v[:, num_reference:])
        return torch.cat([seeing[:, :begin], blind, seeing[:, begin:]], dim=1)

    def _dispatch(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        attended: torch.Tensor = dispatch_attention_fn(q, k, v, backend=self._attention_backend)
        return attended

    def _join(self, attended: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        joined = gather_heads(attended, self.num_heads, like.shape[1], self._parallel_config)
        output: torch.Tensor = self.proj(joined.flatten(2).type_as(like))
        return output


def _rotate(states: torch.Tensor, rotary: RotaryEmbedding) -> torch.Tensor:
    cos, sin = rotary
    return rotate_pairs(states.float(), cos, sin).type_as(states)


class CrossAttention(nn.Module):
    """The video's attention to tokens of another kind, with norms on queries and keys."""

    _parallel_config: ParallelConfig | None = None

    def __init__(self, dim: int, context_dim: int, num_heads: int, make: LayerMaker) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_linear = make.linear(dim, dim)
        self.kv_linear = make.linear(context_dim, 2 * dim)
        self.q_norm = HeadNorm(dim // num_heads)
        self.k_norm = HeadNorm(dim // num_heads)
        self.proj = make.linear(dim, dim)

    def project(self, tokens: torch.Tensor, positions: torch.Tensor | None = None) -> KeyValue:
        """Return keys and values (batch, tokens, heads, head_dim).

        Args:
            tokens: (batch, tokens, context_dim).
            positions: Rotary positions (1, tokens) of the keys; None leaves them where they are.
        """
        key, value = self.kv_linear(tokens).unflatten(-1, (2, self.num_heads, -1)).unbind(2)
        key = self.k_norm(key)
        # Values of their own: a view would keep the keys in memory as they were before the norm.
        return KeyValue(key if positions is None else rotate(key, positions), value.contiguous())

    def forward(self, hidden_states: torch.Tensor, key_value: KeyValue) -> torch.Tensor:
        """Let all tokens (1, tokens, dim) attend to the same keys."""
        attended = dispatch_attention_fn(self._query(hidden_states), *key_value)
        output: torch.Tensor = self.proj(attended.flatten(2).type_as(hidden_states))
        return output

    def _query(self, hidden_states: torch.Tensor) -> torch.Tensor:
        query: torch.Tensor = self.q_norm(self.q_linear(hidden_states).unflatten(-1, (self.num_heads, -1)))
        return query


class AudioAttention(CrossAttention):
    """Let the video tokens of a latent frame hear that frame's audio tokens."""

    def forward(
        self, hidden_states: torch.Tensor, key_value: KeyValue, positions: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Attend to the audio.

        Args:
            hidden_states: (1, tokens, dim).
            key_value: Of each latent frame (frames, audio tokens, heads, head_dim).
            positions: Rotary positions (1, tokens) that tell people apart, None for one person.

        Returns:
            (1, tokens, dim).
        """
        query = self._query(hidden_states)
        if positions is not None:
            query = rotate(query, positions)
        key, value = key_value
        part = find_part(query.shape[1], key.shape[0], self._parallel_config)
        attended = dispatch_attention_fn(part.split(query), part.take(key), part.take(value))
        output: torch.Tensor = self.proj(part.join(attended.flatten(2)).type_as(hidden_states))
        return output
