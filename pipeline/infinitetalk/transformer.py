"""InfiniteTalk's transformer: Wan 2.1 image-to-video with an audio cross-attention in every block."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
from diffusers.configuration_utils import register_to_config
from diffusers.models.normalization import FP32LayerNorm
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel, WanTransformerBlock
from torch import nn

from pipeline.diffusion.audio_projection import AudioProjection
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.people import FIRST_SEAT, SECOND_SEAT, SeatedPeople, mask_tokens, seat_people
from pipeline.infinitetalk.cross_attention import (
    AudioAttention,
    BlockContexts,
    ContextKeyValues,
    CrossAttentionProcessor,
    project_image,
    project_text,
)
from pipeline.infinitetalk.self_attention import RotaryEmbedding, SelfAttentionProcessor, face_positions


@dataclass(frozen=True)
class Conditioning:
    """What one guidance branch attends to; contexts are shared between branches wherever they are the same.

    Attributes:
        text: Prompt embeddings (1, 512, text_dim), zeros after the last token.
        image: Embeddings of the photo (1, 257, image_dim).
        audio: Windows of speech features (1, people, 4 * (latent_frames - 1) + 1, window, layers, channels).
        speaker_masks: (people, H, W) at any size, positive where the person is; None for one person alone.
        seats: (latent frames, people), where each sits, as in `pipeline.diffusion.people`; None for two people, the
            first in the first seat and the second in the second.
    """

    text: AttentionContext
    image: AttentionContext
    audio: AttentionContext
    speaker_masks: torch.Tensor | None = None
    seats: torch.Tensor | None = None


class InfiniteTalkBlock(WanTransformerBlock):  # type: ignore[misc]  # diffusers is untyped
    """A Wan block with an ungated audio cross-attention before the feed-forward."""

    def __init__(
        self, dim: int, ffn_dim: int, num_heads: int, *, eps: float, added_kv_proj_dim: int, audio_dim: int
    ) -> None:
        super().__init__(dim, ffn_dim, num_heads, cross_attn_norm=True, eps=eps, added_kv_proj_dim=added_kv_proj_dim)
        self.attn1.set_processor(SelfAttentionProcessor())
        self.attn2.set_processor(CrossAttentionProcessor())
        self.norm_audio = FP32LayerNorm(dim, eps, elementwise_affine=True)
        self.audio_attn = AudioAttention(dim, num_heads, audio_dim)

    @property
    def self_attention(self) -> SelfAttentionProcessor:
        """What attends to all tokens of a clip: its kernel is chosen, and its tokens are split among ranks."""
        processor: SelfAttentionProcessor = self.attn1.processor
        return processor

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep_modulation: torch.Tensor,
        rotary_emb: RotaryEmbedding,
        contexts: BlockContexts,
        people: SeatedPeople | None,
    ) -> torch.Tensor:
        """Run the block.

        Args:
            hidden_states: (batch, tokens, dim), in fp32.
            timestep_modulation: (batch, 6, dim), in fp32.
            rotary_emb: Cosines and sines of the tokens' positions.
            contexts: The prompt, the photo and the audio.
            people: Who is where, where there are two or more; None for one person.

        Returns:
            (batch, tokens, dim).
        """
        # Projected here and not before: offloaded weights are on the device only within a block's forward.
        key_values = self._project(contexts, rotated=people is not None)
        return self.compute(hidden_states, timestep_modulation, rotary_emb, key_values, people)

    def _project(self, contexts: BlockContexts, *, rotated: bool) -> ContextKeyValues:
        return ContextKeyValues(
            contexts.text.key_value(lambda states: project_text(self.attn2, states)),
            contexts.image.key_value(lambda states: project_image(self.attn2, states)),
            contexts.audio.key_value(lambda tokens: self.audio_attn.project(tokens, rotated=rotated)),
        )

    def compute(
        self,
        hidden_states: torch.Tensor,
        timestep_modulation: torch.Tensor,
        rotary_emb: RotaryEmbedding,
        key_values: ContextKeyValues,
        people: SeatedPeople | None,
    ) -> torch.Tensor:
        """Do what has to be done in every step; remembers nothing, so that it compiles to one graph."""
        # Six a block: shift, scale and gate of the self-attention, then of the feed-forward.
        modulation = self.scale_shift_table + timestep_modulation
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = modulation.chunk(6, dim=1)
        dtype = self.attn1.to_out[0].weight.dtype

        norm_hidden_states = modulate(self.norm1(hidden_states), shift, scale)
        attended, positions = self._attend(norm_hidden_states.to(dtype), rotary_emb, people)
        hidden_states = hidden_states + attended * gate

        norm_hidden_states = self.norm2(hidden_states).to(dtype)
        hidden_states = hidden_states + self.attn2(norm_hidden_states, key_values)

        # No gate and no timestep modulation: the adapter was trained to add its output as it is.
        norm_hidden_states = self.norm_audio(hidden_states).to(dtype)
        hidden_states = hidden_states + self.audio_attn(norm_hidden_states, key_values.audio, positions)

        norm_hidden_states = modulate(self.norm3(hidden_states), ffn_shift, ffn_scale).to(dtype)
        output: torch.Tensor = hidden_states + self.ffn(norm_hidden_states) * ffn_gate
        return output

    def _attend(
        self, hidden_states: torch.Tensor, rotary_emb: RotaryEmbedding, people: SeatedPeople | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the self-attention's output, and the tokens' positions where there are people to be told apart."""
        attended = self.attn1(hidden_states, None, None, rotary_emb)
        if people is None:
            return attended.output, None
        return attended.output, face_positions(attended, people, self.attn1.processor.parallel_config)


class BlockList(nn.ModuleList):
    """All blocks, called as one module, so that one hook can stand in for them."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep_modulation: torch.Tensor,
        rotary_emb: RotaryEmbedding,
        contexts: list[BlockContexts],
        people: SeatedPeople | None,
    ) -> torch.Tensor:
        """Run the blocks one after the other, each with its own contexts; shapes as in `InfiniteTalkBlock`."""
        for block, block_contexts in zip(self, contexts, strict=True):
            hidden_states = block(hidden_states, timestep_modulation, rotary_emb, block_contexts, people)
        return hidden_states


class InfiniteTalkTransformer3DModel(WanTransformer3DModel):  # type: ignore[misc]  # diffusers is untyped
    """Predict the flow of video latents from a photo, a prompt and the speech of one or two people."""

    # TeaCache compares modulations whose change is below bf16's step, and guidance multiplies the output's error.
    _keep_in_fp32_modules = (*WanTransformer3DModel._keep_in_fp32_modules, "norm_audio", "time_proj", "proj_out")  # noqa: SLF001  # diffusers' way

    @register_to_config  # type: ignore[untyped-decorator]  # diffusers is untyped
    def __init__(
        self,
        *,
        patch_size: tuple[int, int, int] = (1, 2, 2),
        num_attention_heads: int = 40,
        attention_head_dim: int = 128,
        in_channels: int = 36,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 13824,
        num_layers: int = 40,
        cross_attn_norm: bool = True,
        qk_norm: str = "rms_norm_across_heads",
        eps: float = 1e-6,
        image_dim: int = 1280,
        added_kv_proj_dim: int = 5120,
        rope_max_seq_len: int = 1024,
        pos_embed_seq_len: int | None = None,
        audio_window: int = 5,
        audio_layers: int = 12,
        audio_channels: int = 768,
        audio_intermediate_dim: int = 512,
        audio_dim: int = 768,
        audio_tokens: int = 32,
    ) -> None:
        super().__init__(
            patch_size=patch_size,
            num_attention_heads=num_attention_heads,
            attention_head_dim=attention_head_dim,
            in_channels=in_channels,
            out_channels=out_channels,
            text_dim=text_dim,
            freq_dim=freq_dim,
            ffn_dim=ffn_dim,
            num_layers=0,
            cross_attn_norm=cross_attn_norm,
            qk_norm=qk_norm,
            eps=eps,
            image_dim=image_dim,
            added_kv_proj_dim=added_kv_proj_dim,
            rope_max_seq_len=rope_max_seq_len,
            pos_embed_seq_len=pos_embed_seq_len,
        )
        # The parent writes its own arguments into the config, its zero layers among them.
        self.register_to_config(num_layers=num_layers)
        dim = num_attention_heads * attention_head_dim
        self.blocks = BlockList(
            InfiniteTalkBlock(
                dim, ffn_dim, num_attention_heads, eps=eps, added_kv_proj_dim=added_kv_proj_dim, audio_dim=audio_dim
            )
            for _ in range(num_layers)
        )
        self.audio_proj = AudioProjection(
            window=audio_window,
            num_layers=audio_layers,
            channels=audio_channels,
            intermediate_dim=audio_intermediate_dim,
            output_dim=audio_dim,
            num_tokens=audio_tokens,
        )

    def compile_blocks(self) -> None:
        """Let what the blocks do in every step be compiled: one graph for all of them, for clips of any size."""
        for block in cast("Iterable[InfiniteTalkBlock]", self.blocks):
            block.compute = torch.compile(block.compute, dynamic=True)  # type: ignore[method-assign]  # as torch does

    def uncompile_blocks(self) -> None:
        """Take `compile_blocks` back."""
        for block in self.blocks:
            del block.compute

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype of inputs; some modules stay in fp32 whatever it is, and linear weights may be quantised."""
        dtype: torch.dtype = self.patch_embedding.weight.dtype
        return dtype

    def forward(self, hidden_states: torch.Tensor, timestep: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        """Predict the flow.

        Args:
            hidden_states: Noise and condition (1, in_channels, latent_frames, height, width).
            timestep: (1,), 0 to 1000.
            conditioning: What the branch attends to.

        Returns:
            Flow (1, out_channels, latent_frames, height, width).
        """
        grid = self._token_grid(hidden_states)
        rotary_emb = self.rope(hidden_states)
        temb, timestep_modulation = self._embed_timestep(timestep)
        contexts = self._project_contexts(conditioning)
        people = _seat_people(conditioning, grid)

        # The sum over the blocks is kept in fp32, as in the original; each block's layers run in the weights' dtype.
        # Contiguous, since compiled code is compiled anew for a view.
        hidden_states = self.patch_embedding(hidden_states).float().flatten(2).transpose(1, 2).contiguous()
        hidden_states = self.blocks(hidden_states, timestep_modulation, rotary_emb, contexts, people)
        return self._project_out(hidden_states, temb, grid)

    def _token_grid(self, latents: torch.Tensor) -> tuple[int, int, int]:
        frames, height, width = (
            size // patch for size, patch in zip(latents.shape[2:], self.config.patch_size, strict=True)
        )
        return frames, height, width

    def _embed_timestep(self, timestep: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        embedder = self.condition_embedder
        temb = embedder.time_embedder(embedder.timesteps_proj(timestep))
        return temb, embedder.time_proj(embedder.act_fn(temb)).unflatten(1, (6, -1))

    def _project_contexts(self, conditioning: Conditioning) -> list[BlockContexts]:
        text = conditioning.text.blocks(self.condition_embedder.text_embedder, len(self.blocks))
        image = conditioning.image.blocks(self.condition_embedder.image_embedder, len(self.blocks))
        audio = conditioning.audio.blocks(self._project_audio, len(self.blocks))
        return [BlockContexts(*views) for views in zip(text, image, audio, strict=True)]

    def _project_audio(self, windows: torch.Tensor) -> torch.Tensor:
        # People's tokens of a latent frame stand one after the other, for one attention over both.
        tokens: torch.Tensor = self.audio_proj(windows.flatten(0, 1)).unflatten(0, windows.shape[:2])
        return tokens.transpose(1, 2).flatten(2, 3)

    def _project_out(self, hidden_states: torch.Tensor, temb: torch.Tensor, grid: tuple[int, int, int]) -> torch.Tensor:
        shift, scale = (self.scale_shift_table + temb.unsqueeze(1)).chunk(2, dim=1)
        patches: torch.Tensor = self.proj_out(modulate(self.norm_out(hidden_states), shift, scale))
        patches = patches.unflatten(1, grid).unflatten(-1, (*self.config.patch_size, -1))
        return patches.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)


def modulate(hidden_states: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Scale and shift normalised states."""
    return hidden_states * (1 + scale) + shift


def _seat_people(conditioning: Conditioning, grid: tuple[int, int, int]) -> SeatedPeople | None:
    masks, seats = conditioning.speaker_masks, conditioning.seats
    if masks is None:
        return None
    num_frames, height, width = grid
    if seats is None:
        seats = torch.tensor([[FIRST_SEAT, SECOND_SEAT]], device=masks.device).expand(num_frames, -1)
    return seat_people(mask_tokens(masks, height, width), seats)
