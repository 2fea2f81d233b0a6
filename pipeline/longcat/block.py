"""A block of the LongCat transformer, and what it needs to look at noise or at frames that are known."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from pipeline.diffusion.context import BlockContext, KeyValue
from pipeline.diffusion.people import STILL_SEAT, SeatedPeople, attention_to_masks, audio_positions, query_positions
from pipeline.distributed.context_parallel import agree_on_extremes, find_part, gather_first_tokens
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.attention import (
    Attended,
    AudioAttention,
    CrossAttention,
    KnownKeyValues,
    RotaryEmbedding,
    SelfAttention,
    Sight,
)
from pipeline.longcat.layers import NORM_EPS, LayerMaker, modulate


class NoiseTask(NamedTuple):
    """What one block needs to look at noise.

    Attributes:
        text: The prompt.
        audio: The voices of the noise frames.
        known: What the block remembers of known frames; None where nothing is known.
        sight: What does not see the reference frame; None where all do.
        people: Who is where, where there are two or more; None for one person.
    """

    text: BlockContext
    audio: BlockContext
    known: KnownKeyValues | None
    sight: Sight | None
    people: SeatedPeople | None


class KnownTask(NamedTuple):
    """What one block needs to look at what is known, which reads and hears nothing.

    Attributes:
        num_frame_tokens: Tokens of a frame.
        has_reference: Whether the first frame is a reference.
        dtype: In which the layers compute.
    """

    num_frame_tokens: int
    has_reference: bool
    dtype: torch.dtype


class Seen(NamedTuple):
    """What a block's noise sees besides itself: keys and values, and who is where; as in `NoiseTask`."""

    text: KeyValue
    audio: KeyValue
    known: KnownKeyValues | None
    sight: Sight | None
    people: SeatedPeople | None


class FeedForward(nn.Module):
    """SwiGLU without biases."""

    def __init__(self, dim: int, inner_dim: int, make: LayerMaker) -> None:
        super().__init__()
        self.w1 = make.linear(dim, inner_dim, bias=False)
        self.w2 = make.linear(inner_dim, dim, bias=False)
        self.w3 = make.linear(dim, inner_dim, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Run the layers."""
        output: torch.Tensor = self.w2(F.silu(self.w1(states)) * self.w3(states))
        return output


class ContextNorm(nn.Module):
    """LayerNorm in fp32, before the video attends to something else."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Normalise states (..., dim)."""
        return F.layer_norm(states.float(), states.shape[-1:], self.weight.float(), self.bias.float(), NORM_EPS)


class LongCatBlock(nn.Module):
    """Self-attention, prompt, voices and feed-forward; the timestep modulates all but the prompt."""

    def __init__(self, sizes: LongCatArchitecture, make: LayerMaker) -> None:
        super().__init__()
        dim, num_heads = sizes.dim, sizes.num_heads
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), make.exact(sizes.time_dim, 6 * dim))
        self.audio_adaLN_modulation = nn.Sequential(nn.SiLU(), make.exact(sizes.time_dim, 3 * dim))
        self.attn = SelfAttention(dim, num_heads, make)
        self.pre_crs_attn_norm = ContextNorm(dim)
        self.cross_attn = CrossAttention(dim, dim, num_heads, make)
        self.pre_video_crs_attn_norm = ContextNorm(dim)
        self.pre_audio_crs_attn_norm = ContextNorm(sizes.audio_dim) if sizes.audio_prenorm else nn.Identity()
        self.audio_cross_attn = AudioAttention(dim, sizes.audio_dim, num_heads, make)
        self.ffn = FeedForward(dim, sizes.ffn_dim, make)

    @property
    def self_attention(self) -> SelfAttention:
        """What attends to all tokens of a clip: its kernel is chosen, and its tokens are split among ranks."""
        return self.attn

    def forward(
        self, hidden_states: torch.Tensor, temb: torch.Tensor, rotary: RotaryEmbedding, task: NoiseTask | KnownTask
    ) -> tuple[torch.Tensor, KnownKeyValues | None]:
        """Run the block.

        Args:
            hidden_states: (1, tokens, dim), in fp32.
            temb: The timestep's embedding (1, time_dim), in fp32.
            rotary: The tokens' angles.
            task: Whether the tokens are noise or known, and what they attend to besides.

        Returns:
            (1, tokens, dim), and of known frames what noise will see.
        """
        if isinstance(task, KnownTask):
            return self._remember(hidden_states, temb, rotary, task)
        # Projected here and not before: offloaded weights are on the device only within a block's forward.
        text = task.text.key_value(self.cross_attn.project)
        audio = task.audio.key_value(lambda tokens: self._project_audio(tokens, task.people))
        seen = Seen(text, audio, task.known, task.sight, task.people)
        return self.compute(hidden_states, temb, rotary, seen), None

    def _project_audio(self, tokens: torch.Tensor, people: SeatedPeople | None) -> KeyValue:
        tokens = self.pre_audio_crs_attn_norm(tokens).type_as(tokens)
        if people is None:
            return self.audio_cross_attn.project(tokens)
        has_still = people.weights.shape[1] > STILL_SEAT
        each = tokens.shape[1] // (3 if has_still else 2)
        return self.audio_cross_attn.project(tokens, audio_positions(each, tokens.device, has_still=has_still))

    def compute(
        self, hidden_states: torch.Tensor, temb: torch.Tensor, rotary: RotaryEmbedding, seen: Seen
    ) -> torch.Tensor:
        """Do what has to be done in every step; remembers nothing, so that it compiles to one graph."""
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = self.adaLN_modulation(temb)[:, None].chunk(6, dim=-1)
        audio_shift, audio_scale, audio_gate = self.audio_adaLN_modulation(temb)[:, None].chunk(3, dim=-1)
        dtype = seen.text.value.dtype

        attended = self.attn(modulate(hidden_states, shift, scale).to(dtype), rotary, seen.known, seen.sight)
        positions = None if seen.people is None else self._find_positions(attended, seen.known, seen.people)
        hidden_states = hidden_states + gate * attended.output

        hidden_states = hidden_states + self.cross_attn(self.pre_crs_attn_norm(hidden_states).to(dtype), seen.text)

        norm_hidden_states = self.pre_video_crs_attn_norm(hidden_states).to(dtype)
        heard = self.audio_cross_attn(norm_hidden_states, seen.audio, positions)
        hidden_states = hidden_states + audio_gate * modulate(heard, audio_shift, audio_scale)

        output: torch.Tensor = hidden_states + ffn_gate * self.ffn(
            modulate(hidden_states, ffn_shift, ffn_scale).to(dtype)
        )
        return output

    def _remember(
        self, hidden_states: torch.Tensor, temb: torch.Tensor, rotary: RotaryEmbedding, task: KnownTask
    ) -> tuple[torch.Tensor, KnownKeyValues]:
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = self.adaLN_modulation(temb)[:, None].chunk(6, dim=-1)
        output, key_values = self.attn.remember(
            modulate(hidden_states, shift, scale).to(task.dtype),
            rotary,
            task.num_frame_tokens,
            has_reference=task.has_reference,
        )
        hidden_states = hidden_states + gate * output
        return hidden_states + ffn_gate * self.ffn(
            modulate(hidden_states, ffn_shift, ffn_scale).to(task.dtype)
        ), key_values

    def _find_positions(self, attended: Attended, known: KnownKeyValues | None, people: SeatedPeople) -> torch.Tensor:
        """Return each token's rotary position (1, tokens) by the face it looks at in the sequence's first frame."""
        config = self.attn.parallel_config
        num_frames, num_frame_tokens = people.weights.shape[0], people.masks.shape[1]
        key = gather_first_tokens(attended.key, num_frame_tokens, config) if known is None else known.face_key
        attention = attention_to_masks(attended.query, key, people.masks)
        frames = find_part(attended.query.shape[1], num_frames, config).find_frames(attention.device)
        return query_positions(attention, people.weights, frames, lambda own: agree_on_extremes(own, config))


class BlockList(nn.ModuleList):
    """All blocks, called as one module, so that one hook can stand in for them."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        temb: torch.Tensor,
        rotary: RotaryEmbedding,
        tasks: list[NoiseTask | KnownTask],
    ) -> tuple[torch.Tensor, tuple[KnownKeyValues | None, ...]]:
        """Run the blocks one after the other, each with its own task; shapes as in `LongCatBlock`."""
        remembered = []
        for block, task in zip(self, tasks, strict=True):
            hidden_states, key_values = block(hidden_states, temb, rotary, task)
            remembered.append(key_values)
        return hidden_states, tuple(remembered)
