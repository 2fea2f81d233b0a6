"""Context parallel: each rank has a part of a clip's tokens, and all have all weights (Ulysses).

diffusers does the exchange within the self-attention. What it marks as experimental is touched only here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from diffusers.hooks.context_parallel import apply_context_parallel, remove_context_parallel
from diffusers.models._modeling_parallel import (
    ContextParallelConfig,
    ContextParallelInput,
    ParallelConfig,
    gather_size_by_comm,
)
from diffusers.models.attention_dispatch import (
    AttentionBackendName,
    _AttentionBackendRegistry,
    all_to_all_single_any_o_async,
    all_to_all_single_any_qkv_async,
)
from diffusers.models.modeling_utils import ModelMixin
from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from pipeline.diffusion.attention import use_backend

# Of Wan's own plan, the rotary angles. The tokens are split before TeaCache sees them, so that it sees the same ones
# before and after the blocks, and gathered in a way that gloo knows too.
PLAN = {"rope": {index: ContextParallelInput(split_dim=1, expected_dims=4, split_output=True) for index in (0, 1)}}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FramePart:
    """Which latent frames a rank's tokens lie in.

    Attributes:
        first_frame: The first of these latent frames.
        num_frames: How many they are.
        num_before: Tokens of the first of them that another rank has.
        num_tokens: Tokens of this rank.
        num_after: Tokens of the last of them that another rank has.
    """

    first_frame: int
    num_frames: int
    num_before: int
    num_tokens: int
    num_after: int

    def find_frames(self, device: torch.device) -> torch.Tensor:
        """Return the latent frame of each of this rank's tokens (num_tokens,)."""
        frame_tokens = (self.num_before + self.num_tokens + self.num_after) // self.num_frames
        places = torch.arange(self.num_before, self.num_before + self.num_tokens, device=device)
        frames: torch.Tensor = places // frame_tokens + self.first_frame
        return frames

    def split(self, states: torch.Tensor) -> torch.Tensor:
        """Sort the tokens (1, num_tokens, heads, head_dim) by frame, with zeros for those that are elsewhere."""
        padded = F.pad(states, (0, 0, 0, 0, self.num_before, self.num_after))
        frames: torch.Tensor = padded.unflatten(1, (self.num_frames, -1))[0]
        return frames

    def take(self, states: torch.Tensor) -> torch.Tensor:
        """Return what belongs to these frames of states (frames of the clip, ...)."""
        return states[self.first_frame : self.first_frame + self.num_frames]

    def join(self, states: torch.Tensor) -> torch.Tensor:
        """Return the tokens (1, num_tokens, dim) of frames (frames, tokens of a frame, dim)."""
        return states.flatten(0, 1)[None, self.num_before : self.num_before + self.num_tokens]


def find_part(num_tokens: int, num_frames: int, config: ParallelConfig | None) -> FramePart:
    """Return which frames this rank's tokens lie in.

    Args:
        num_tokens: Tokens of this rank.
        num_frames: Latent frames of the clip.
        config: None where there is one rank.
    """
    if config is None:
        return FramePart(0, num_frames, 0, num_tokens, 0)
    group = _find_group(config)
    shares = gather_size_by_comm(num_tokens, group)
    start = sum(shares[: dist.get_rank(group)])
    stop, frame_tokens = start + num_tokens, sum(shares) // num_frames
    first, last = start // frame_tokens, (stop - 1) // frame_tokens
    after = (last + 1) * frame_tokens - stop
    return FramePart(first, last + 1 - first, start - first * frame_tokens, num_tokens, after)


def gather_first_tokens(states: torch.Tensor, num_tokens: int, config: ParallelConfig | None) -> torch.Tensor:
    """Return a clip's first tokens (1, num_tokens, heads, head_dim), whichever ranks have them.

    Args:
        states: Of this rank's tokens (1, n, heads, head_dim).
        num_tokens: How many.
        config: None where there is one rank.
    """
    if config is None:
        return states[:, :num_tokens]
    group = _find_group(config)
    start = sum(gather_size_by_comm(states.shape[1], group)[: dist.get_rank(group)])
    own = states[:, : max(0, num_tokens - start)]
    gathered: torch.Tensor = _gather_tokens(own.flatten(2), group).unflatten(2, states.shape[2:])
    return gathered


def gather_tokens(states: torch.Tensor, config: ParallelConfig | None) -> torch.Tensor:
    """Return all tokens' states of this rank's share of the heads (1, all tokens, some heads, head_dim).

    Args:
        states: Of this rank's tokens (1, n, heads, head_dim).
        config: None where there is one rank.
    """
    if config is None:
        return states
    gathered: torch.Tensor = all_to_all_single_any_qkv_async(states, _find_group(config))()
    return gathered


def gather_heads(states: torch.Tensor, num_heads: int, num_tokens: int, config: ParallelConfig | None) -> torch.Tensor:
    """Return this rank's tokens with all heads (1, num_tokens, num_heads, head_dim): `gather_tokens` taken back.

    Args:
        states: Of all tokens, with this rank's heads.
        num_heads: Of all ranks.
        num_tokens: Of this rank.
        config: None where there is one rank.
    """
    if config is None:
        return states
    group = _find_group(config)
    joined: torch.Tensor = all_to_all_single_any_o_async(states, group, NUM_QO_HEAD=num_heads, Q_S_LOCAL=num_tokens)()
    return joined


def agree_on_extremes(
    own: tuple[torch.Tensor, torch.Tensor], config: ParallelConfig | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the smallest and the largest values of all ranks' tokens, from those of this rank's own."""
    if config is None:
        return own
    smallest, largest = own
    extremes = torch.stack([-smallest, largest])
    dist.all_reduce(extremes, dist.ReduceOp.MAX, group=_find_group(config))
    return -extremes[0], extremes[1]


def make_config(mesh: DeviceMesh, device: torch.device) -> ParallelConfig:
    """Describe the ranks among which tokens are split.

    Args:
        mesh: With the dimensions `ring`, of size 1, and `ulysses`.
        device: This rank's own.
    """
    context = ContextParallelConfig(ulysses_degree=mesh["ulysses"].size(), ulysses_anything=True)
    config = ParallelConfig(context_parallel_config=context)
    # `enable_parallelism` would do this, but does not run on a CPU.
    config.setup(dist.get_rank(), dist.get_world_size(), device, mesh=mesh)
    return config


def split_tokens(transformer: ModelMixin, config: ParallelConfig) -> Callable[[], None]:
    """Split the tokens of every forward among the ranks of this one's group, which all make the same calls.

    Any number of tokens will do, and any number of heads from that of the ranks on. All of the group's ranks return the
    whole output.

    Args:
        transformer: With `rope`, `blocks` called as one module, each of them with `self_attention`, and `proj_out`; the
            same in every rank.
        config: The ranks.

    Returns:
        What takes it back.
    """
    context = config.context_parallel_config
    group = _find_group(config)

    def take_part(blocks: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        del blocks
        hidden_states, *others = inputs
        return (hidden_states.tensor_split(context.ulysses_degree, dim=1)[dist.get_rank(group)], *others)

    def gather(proj_out: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor:
        del proj_out, inputs
        return _gather_tokens(output, group)

    attention = _find_attention(transformer)
    if not _exchanges_tokens(transformer):
        use_backend(transformer, _make_splittable(attention))
    _set_config(transformer, config)
    apply_context_parallel(transformer, context, PLAN)
    hooks = (
        transformer.blocks.register_forward_pre_hook(take_part),
        transformer.proj_out.register_forward_hook(gather),
    )

    def take_back() -> None:
        for hook in hooks:
            hook.remove()
        remove_context_parallel(transformer, PLAN)
        _set_config(transformer, None)
        use_backend(transformer, attention)

    return take_back


def unify_attention(transformer: ModelMixin) -> None:
    """Let all ranks attend as rank 0 does: each has measured for itself."""
    first = [_find_attention(transformer)]
    dist.broadcast_object_list(first)
    use_backend(transformer, first[0])


def _find_attention(transformer: ModelMixin) -> AttentionBackendName | None:
    attention: AttentionBackendName | None = transformer.blocks[0].self_attention._attention_backend  # noqa: SLF001  # diffusers has no public way to ask
    return attention


def _exchanges_tokens(transformer: ModelMixin) -> bool:
    """Say whether its self-attention exchanges tokens itself, so that any attention will do between the exchanges."""
    exchanges: bool = getattr(transformer.blocks[0].self_attention, "exchanges_tokens", False)
    return exchanges


def _make_splittable(attention: AttentionBackendName | None) -> AttentionBackendName | None:
    """Return the attention, or torch's own in place of one that knows nothing of other ranks."""
    if attention is None or _AttentionBackendRegistry._is_context_parallel_available(attention):  # noqa: SLF001  # as above
        return attention
    _log.info("Attention %s cannot be split over GPUs; torch's own is used.", attention.value)
    return None


def _find_group(config: ParallelConfig) -> dist.ProcessGroup:
    group: dist.ProcessGroup = config.context_parallel_config._ulysses_mesh.get_group()  # noqa: SLF001  # diffusers' way
    return group


def _set_config(transformer: ModelMixin, config: ParallelConfig | None) -> None:
    for module in transformer.modules():
        attention = getattr(module, "processor", module)
        if hasattr(attention, "_parallel_config"):
            attention._parallel_config = config  # noqa: SLF001  # diffusers' way


def _gather_tokens(states: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    """Return the tokens (1, n, dim) of all ranks, one after the other."""
    shares = gather_size_by_comm(states.shape[1], group)
    padded = F.pad(states, (0, 0, 0, max(shares) - states.shape[1])).contiguous()
    parts = [torch.empty_like(padded) for _ in shares]
    dist.all_gather(parts, padded, group=group)
    return torch.cat([part[:, :share] for part, share in zip(parts, shares, strict=True)], dim=1)
