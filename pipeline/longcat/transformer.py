"""The LongCat-Video-Avatar transformer: text and voices in every block, and frames that are known before it begins.

Known frames depend on neither timestep, prompt, voice nor noise. They take a pass of their own once a segment, and what
noise sees of them is remembered.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn

from pipeline.diffusion.audio_projection import AudioProjection
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.people import FIRST_SEAT, SECOND_SEAT, STILL_SEAT, SeatedPeople, mask_tokens, seat_people
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.attention import KnownKeyValues, RotaryPositions, Sight
from pipeline.longcat.block import BlockList, KnownTask, LongCatBlock, NoiseTask
from pipeline.longcat.layers import ExactLinear, LayerMaker, modulate

# Of the timestep's sinusoid.
LONGEST_PERIOD = 10000.0

Grid = tuple[int, int, int]


@dataclass(frozen=True)
class People:
    """Who is in the picture, where there are two or more.

    Attributes:
        masks: (people, H, W) at any size, positive where the person is.
        seats: (noise frames, people), where each sits, as in `pipeline.diffusion.people`; None for two people, the
            first in the first seat and the second in the second.
        has_still: Whether the last mask is that of all who keep still, and the last voice theirs, which is silent.
    """

    masks: torch.Tensor
    seats: torch.Tensor | None = None
    has_still: bool = False


@dataclass(frozen=True)
class Conditioning:
    """What one guidance branch attends to; contexts are shared between branches wherever they are the same.

    Attributes:
        text: Prompt embeddings (1, tokens, text_dim), real tokens only.
        audio: Windows of speech features (1, voices, 4 * (frames - 1) + 1, window, layers, channels) of all frames of
            the segment, known ones included and the reference not.
        people: Who is in the picture; None for one person alone.
    """

    text: AttentionContext
    audio: AttentionContext
    people: People | None = None


@dataclass(frozen=True)
class Continuation:
    """Where a segment's known frames are in time, and what noise sees of them.

    Attributes:
        num_known: Known frames at the segment's beginning; the reference is not one of them.
        reference_index: Position of a reference frame that comes before them; None where there is none.
        mask_frame_range: Noise frames within so many of the reference do not see it, if all of them are noise.
    """

    num_known: int
    reference_index: int | None = None
    mask_frame_range: int = 0

    def find_blind(self, num_noise: int) -> range:
        """Return which of the noise frames do not see the reference: it would hold them still."""
        if self.reference_index is None or not self.mask_frame_range:
            return range(0)
        center = self.reference_index - self.num_known
        begin, end = center - self.mask_frame_range, center + self.mask_frame_range + 1
        # As the reference code: where the range would reach beyond the noise, nothing is hidden.
        return range(begin, end) if begin >= 0 and end <= num_noise else range(0)


@dataclass(frozen=True)
class KnownFrames:
    """What the transformer remembers of a segment's known frames, for all steps and guidance branches.

    Attributes:
        continuation: Where they are.
        blocks: What each block remembers.
        flow: What it predicts for them, which nobody follows (1, out_channels, frames, h, w).
    """

    continuation: Continuation
    blocks: tuple[KnownKeyValues, ...]
    flow: torch.Tensor


class PatchEmbedder(nn.Module):
    """Latents become tokens."""

    def __init__(self, sizes: LongCatArchitecture) -> None:
        super().__init__()
        self.proj = nn.Conv3d(sizes.in_channels, sizes.dim, sizes.patch_size, sizes.patch_size)


class TimestepEmbedder(nn.Module):
    """A timestep becomes what modulates the blocks, in fp32."""

    def __init__(self, sizes: LongCatArchitecture, make: LayerMaker) -> None:
        super().__init__()
        self._num_frequencies = sizes.freq_dim // 2
        self.mlp = nn.Sequential(
            make.exact(sizes.freq_dim, sizes.time_dim), nn.SiLU(), make.exact(sizes.time_dim, sizes.time_dim)
        )

    def forward(self, timestep: torch.Tensor) -> torch.Tensor:
        """Embed timesteps (1,), 0 to 1000, to (1, time_dim)."""
        exponents = torch.arange(self._num_frequencies, device=timestep.device) / self._num_frequencies
        angles = timestep.float()[:, None] * LONGEST_PERIOD**-exponents
        embedding: torch.Tensor = self.mlp(torch.cat([angles.cos(), angles.sin()], dim=-1))
        return embedding


class PromptEmbedder(nn.Module):
    """Embeddings of a prompt become what the video attends to."""

    def __init__(self, sizes: LongCatArchitecture, make: LayerMaker) -> None:
        super().__init__()
        self.y_proj = nn.Sequential(
            make.linear(sizes.text_dim, sizes.dim), nn.GELU(approximate="tanh"), make.linear(sizes.dim, sizes.dim)
        )
        self._num_tokens = sizes.num_text_tokens if sizes.zero_text_padding else 0

    def forward(self, prompt_embeds: torch.Tensor) -> torch.Tensor:
        """Project (1, tokens, text_dim), real tokens only, and fill up with zeros where the model knows them so."""
        states: torch.Tensor = self.y_proj(prompt_embeds)
        return F.pad(states, (0, 0, 0, max(self._num_tokens - states.shape[1], 0)))


class FinalLayer(nn.Module):
    """Tokens become flow, in fp32."""

    def __init__(self, sizes: LongCatArchitecture, make: LayerMaker) -> None:
        super().__init__()
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), make.exact(sizes.time_dim, 2 * sizes.dim))
        # In the released 8-bit form, this is the one layer that is not in 8 bits.
        self.linear = ExactLinear(sizes.dim, sizes.out_channels * math.prod(sizes.patch_size))

    def forward(self, hidden_states: torch.Tensor, temb: torch.Tensor) -> torch.Tensor:
        """Return patches (1, tokens, patch * out_channels)."""
        shift, scale = self.adaLN_modulation(temb)[:, None].chunk(2, dim=-1)
        patches: torch.Tensor = self.linear(modulate(hidden_states, shift, scale))
        return patches


class LongCatTransformer(nn.Module):
    """Predict the flow of video latents from a prompt, the voices of one or two people, and known frames."""

    # What normalises queries and keys, and the released 8-bit form's scales.
    _keep_in_fp32_modules = (
        *("q_norm", "k_norm", "pre_crs_attn_norm", "pre_video_crs_attn_norm", "pre_audio_crs_attn_norm"),
        "weight_scale",
    )

    def __init__(self, architecture: LongCatArchitecture) -> None:
        super().__init__()
        sizes, make = architecture, LayerMaker(int8=architecture.int8)
        self.architecture = architecture
        self.rope = RotaryPositions(sizes.head_dim)
        self.x_embedder = PatchEmbedder(sizes)
        self.t_embedder = TimestepEmbedder(sizes, make)
        self.y_embedder = PromptEmbedder(sizes, make)
        self.audio_proj = AudioProjection(
            window=sizes.audio_window,
            num_layers=sizes.audio_layers,
            channels=sizes.audio_channels,
            intermediate_dim=sizes.audio_intermediate_dim,
            output_dim=sizes.audio_dim,
            num_tokens=sizes.audio_tokens,
            linear=make.linear,
        )
        self.blocks = BlockList(LongCatBlock(sizes, make) for _ in range(sizes.num_layers))
        self.final_layer = FinalLayer(sizes, make)

    @property
    def proj_out(self) -> nn.Module:
        """The last layer, after which tokens that ranks share are gathered."""
        return self.final_layer.linear

    @property
    def compute_dtype(self) -> torch.dtype:
        """The dtype of inputs; some layers compute in fp32 whatever it is, and weights may be quantised."""
        dtype: torch.dtype = self.x_embedder.proj.weight.dtype
        return dtype

    def compile_blocks(self) -> None:
        """Let what the blocks do in every step be compiled: one graph for all of them, for clips of any size."""
        for block in cast("Iterable[LongCatBlock]", self.blocks):
            block.compute = torch.compile(block.compute, dynamic=True)  # type: ignore[method-assign]  # as torch does

    def uncompile_blocks(self) -> None:
        """Take `compile_blocks` back."""
        for block in self.blocks:
            del block.compute

    def remember(self, latents: torch.Tensor, continuation: Continuation) -> KnownFrames:
        """Look at a segment's known frames.

        Args:
            latents: Clean (1, in_channels, frames, h, w); a reference frame comes first.
            continuation: Where they are.
        """
        # Called and not only computed: weights that wait in CPU memory are brought to the device by hooks of the call.
        known: KnownFrames = self(latents, None, continuation)
        return known

    def forward(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor | None,
        conditioning: Conditioning | Continuation,
        known: KnownFrames | None = None,
    ) -> torch.Tensor | KnownFrames:
        """Predict the flow of a segment's noise frames; or look at its known frames, as `remember` does.

        Args:
            latents: (1, in_channels, noise frames, h, w).
            timestep: (1,), 0 to 1000; None for known frames.
            conditioning: What the branch attends to; for known frames, where they are.
            known: What `remember` made of the known frames; None where nothing is known.

        Returns:
            Flow (1, out_channels, noise frames, h, w), or what is remembered.
        """
        if isinstance(conditioning, Continuation):
            return self._remember(latents, conditioning)
        assert timestep is not None
        return self._predict(latents, timestep, conditioning, known)

    def _remember(self, latents: torch.Tensor, continuation: Continuation) -> KnownFrames:
        frames, height, width = self._token_grid(latents)
        times = torch.arange(continuation.num_known, device=latents.device)
        has_reference = continuation.reference_index is not None
        if has_reference:
            times = torch.cat([times.new_tensor([continuation.reference_index]), times])
        assert len(times) == frames, "the continuation says how many frames are known"
        # Known frames are clean: their timestep is 0.
        temb = self.t_embedder(torch.zeros(1, device=latents.device))
        task = KnownTask(height * width, has_reference, self.compute_dtype)
        hidden_states, blocks = self.blocks(
            self._embed(latents), temb, self.rope(times, height, width), [task] * len(self.blocks)
        )
        flow = self._project_out(hidden_states, temb, (frames, height, width))
        return KnownFrames(continuation, blocks, flow)

    def _predict(
        self, latents: torch.Tensor, timestep: torch.Tensor, conditioning: Conditioning, known: KnownFrames | None
    ) -> torch.Tensor:
        grid = self._token_grid(latents)
        frames, height, width = grid
        num_known = 0 if known is None else known.continuation.num_known
        times = torch.arange(num_known, num_known + frames, device=latents.device)
        temb = self.t_embedder(timestep.to(self.compute_dtype))
        tasks = self._make_tasks(conditioning, grid, known)
        hidden_states, _ = self.blocks(self._embed(latents), temb, self.rope(times, height, width), tasks)
        return self._project_out(hidden_states, temb, grid)

    def _make_tasks(self, conditioning: Conditioning, grid: Grid, known: KnownFrames | None) -> list[NoiseTask]:
        num_blocks = len(self.blocks)
        text = conditioning.text.blocks(self.y_embedder, num_blocks)
        audio = conditioning.audio.blocks(lambda windows: self._project_audio(windows, grid[0]), num_blocks)
        seated = None if conditioning.people is None else _seat_people(conditioning.people, grid)
        remembered = (None,) * num_blocks if known is None else known.blocks
        sight = None if known is None else _find_sight(known.continuation, grid)
        views = zip(text, audio, remembered, strict=True)
        return [NoiseTask(*view, sight, seated) for view in views]

    def _project_audio(self, windows: torch.Tensor, num_noise: int) -> torch.Tensor:
        """Return each noise frame's tokens, people's one after the other, for one attention over all of them."""
        tokens: torch.Tensor = self.audio_proj(windows[0])
        return tokens[:, -num_noise:].transpose(0, 1).flatten(1, 2)

    def _token_grid(self, latents: torch.Tensor) -> Grid:
        sizes = zip(latents.shape[2:], self.architecture.patch_size, strict=True)
        frames, height, width = (size // patch for size, patch in sizes)
        return frames, height, width

    def _embed(self, latents: torch.Tensor) -> torch.Tensor:
        # The sum over the blocks is kept in fp32; each block's layers run in the weights' dtype. Contiguous, since
        # compiled code is compiled anew for a view.
        tokens: torch.Tensor = self.x_embedder.proj(latents.to(self.compute_dtype)).float()
        return tokens.flatten(2).transpose(1, 2).contiguous()

    def _project_out(self, hidden_states: torch.Tensor, temb: torch.Tensor, grid: Grid) -> torch.Tensor:
        patches: torch.Tensor = self.final_layer(hidden_states, temb)
        patches = patches.unflatten(1, grid).unflatten(-1, (*self.architecture.patch_size, -1))
        return patches.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)


def _find_sight(continuation: Continuation, grid: Grid) -> Sight | None:
    frames, height, width = grid
    blind = continuation.find_blind(frames)
    num_frame_tokens = height * width
    return Sight(blind.start * num_frame_tokens, blind.stop * num_frame_tokens, num_frame_tokens) if blind else None


def _seat_people(people: People, grid: Grid) -> SeatedPeople:
    num_frames, height, width = grid
    masks, seats = people.masks, people.seats
    if seats is None:
        own = [FIRST_SEAT, SECOND_SEAT, *([STILL_SEAT] if people.has_still else [])]
        seats = torch.tensor([own], device=masks.device).expand(num_frames, -1)
    tokens = mask_tokens(masks, height, width, num_still=int(people.has_still))
    return seat_people(tokens, seats, num_seats=4 if people.has_still else 3)
