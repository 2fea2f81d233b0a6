"""Several GPUs make one clip together: a process for each, with all weights; here is what one of them computes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from diffusers.models._modeling_parallel import ParallelConfig
from diffusers.models.modeling_utils import ModelMixin
from torch.distributed.device_mesh import init_device_mesh

from pipeline.diffusion.guidance import Pass
from pipeline.diffusion.parallel import make_config, spread_tokens, unify_attention

NoisePreds = dict[Pass, torch.Tensor]


def count_groups(num_processes: int, num_passes: int) -> int:
    """Return into how many groups the processes fall for steps of so many passes.

    Groups that compute a pass each exchange one tensor a step; processes that share a pass exchange their tokens in
    every block. So each pass gets a group where that leaves no process with less to do than another; otherwise all
    processes share pass after pass.

    | processes | 1 pass | 2 passes     | 3 passes     |
    | --------- | ------ | ------------ | ------------ |
    | 2         | 1 of 2 | **2 of 1**   | 1 of 2       |
    | 3         | 1 of 3 | 1 of 3       | **3 of 1**   |
    | 4         | 1 of 4 | **2 of 2**   | 1 of 4       |
    | 6         | 1 of 6 | **2 of 3**   | **3 of 2**   |
    | 8         | 1 of 8 | **2 of 4**   | 1 of 8       |
    """
    return num_passes if num_processes % num_passes == 0 else 1


@dataclass(frozen=True)
class PassShare:
    """Which of a step's passes this process computes.

    Attributes:
        others: One process of each group, in the order of the passes; None where every process computes all.
    """

    others: dist.ProcessGroup | None = None

    def choose(self, passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
        """Return this process's own passes."""
        if self.others is None:
            return passes
        return (passes[dist.get_rank(self.others)],)

    def exchange(self, noise_preds: NoisePreds, passes: tuple[Pass, ...]) -> NoisePreds:
        """Give the predictions of this process's own passes, and return those of all."""
        if self.others is None:
            return noise_preds
        own = next(iter(noise_preds.values())).contiguous()
        everyones = [torch.empty_like(own) for _ in passes]
        dist.all_gather(everyones, own, group=self.others)
        return dict(zip(passes, everyones, strict=True))


ALL_PASSES = PassShare()


class Team:
    """All processes, which make the same calls, as one of them sees them.

    Args:
        transformer: The same in all of them.
        device: This process's own.
    """

    def __init__(self, transformer: ModelMixin, device: torch.device) -> None:
        self._transformer = transformer
        self._device = device
        self._groupings: dict[int, tuple[PassShare, ParallelConfig | None]] = {}
        self._take_back: Callable[[], None] = _do_nothing
        unify_attention(transformer)

    def divide(self, num_passes: int) -> PassShare:
        """Share out the steps to come, which have so many passes."""
        num_groups = count_groups(dist.get_world_size(), num_passes)
        if num_groups not in self._groupings:
            self._groupings[num_groups] = self._meet(num_groups)
        share, config = self._groupings[num_groups]
        self._take_back()
        self._take_back = _do_nothing if config is None else spread_tokens(self._transformer, config)
        return share

    def _meet(self, num_groups: int) -> tuple[PassShare, ParallelConfig | None]:
        """Connect with the processes of other groups and, for their tokens, with those of this one's."""
        group_size = dist.get_world_size() // num_groups
        shape, names = (num_groups, 1, group_size), ("passes", "ring", "ulysses")
        mesh = init_device_mesh(self._device.type, shape, mesh_dim_names=names)
        share = ALL_PASSES if num_groups == 1 else PassShare(mesh["passes"].get_group())
        return share, None if group_size == 1 else make_config(mesh, self._device)


def _do_nothing() -> None:
    pass
