"""Guidance parallel: ranks compute different guidance branches of a step, where context parallel has them share one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from diffusers.models._modeling_parallel import ParallelConfig
from diffusers.models.modeling_utils import ModelMixin
from torch.distributed.device_mesh import init_device_mesh

from pipeline.diffusion.guidance import GuidanceBranch
from pipeline.distributed.context_parallel import make_config, split_tokens, unify_attention

NoisePreds = dict[GuidanceBranch, torch.Tensor]


def find_degree(num_ranks: int, num_branches: int) -> int:
    """Return into how many groups the ranks fall for steps of so many guidance branches.

    Groups that compute a branch each exchange one tensor a step; ranks that share a branch exchange their tokens in
    every block. So each branch gets a group where that leaves no rank with less to do than another; otherwise all ranks
    share branch after branch.

    | ranks | 1 branch | 2 branches   | 3 branches   |
    | ----- | -------- | ------------ | ------------ |
    | 2     | 1 of 2   | **2 of 1**   | 1 of 2       |
    | 3     | 1 of 3   | 1 of 3       | **3 of 1**   |
    | 4     | 1 of 4   | **2 of 2**   | 1 of 4       |
    | 6     | 1 of 6   | **2 of 3**   | **3 of 2**   |
    | 8     | 1 of 8   | **2 of 4**   | 1 of 8       |
    """
    return num_branches if num_ranks % num_branches == 0 else 1


@dataclass(frozen=True)
class GuidanceParallel:
    """Which of a step's guidance branches this rank computes.

    Attributes:
        group: One rank of each group, in the order of the branches; None where every rank computes all.
    """

    group: dist.ProcessGroup | None = None

    def choose(self, branches: tuple[GuidanceBranch, ...]) -> tuple[GuidanceBranch, ...]:
        """Return this rank's own branches."""
        if self.group is None:
            return branches
        return (branches[dist.get_rank(self.group)],)

    def exchange(self, noise_preds: NoisePreds, branches: tuple[GuidanceBranch, ...]) -> NoisePreds:
        """Give the predictions of this rank's own branches, and return those of all."""
        if self.group is None:
            return noise_preds
        own = next(iter(noise_preds.values())).contiguous()
        gathered = [torch.empty_like(own) for _ in branches]
        dist.all_gather(gathered, own, group=self.group)
        return dict(zip(branches, gathered, strict=True))


ONE_RANK = GuidanceParallel()


class Parallelism:
    """How all ranks share out the work, as one of them sees it. All make the same calls.

    Args:
        transformer: The same in all of them.
        device: This rank's own.
    """

    def __init__(self, transformer: ModelMixin, device: torch.device) -> None:
        self._transformer = transformer
        self._device = device
        self._groupings: dict[int, tuple[GuidanceParallel, ParallelConfig | None]] = {}
        self._take_back: Callable[[], None] = _do_nothing
        unify_attention(transformer)

    def apply(self, num_branches: int) -> GuidanceParallel:
        """Share out the steps to come, which have so many guidance branches."""
        num_groups = find_degree(dist.get_world_size(), num_branches)
        if num_groups not in self._groupings:
            self._groupings[num_groups] = self._make_groups(num_groups)
        guidance_parallel, config = self._groupings[num_groups]
        self._take_back()
        self._take_back = _do_nothing if config is None else split_tokens(self._transformer, config)
        return guidance_parallel

    def _make_groups(self, num_groups: int) -> tuple[GuidanceParallel, ParallelConfig | None]:
        """Connect with the ranks of other groups and, for their tokens, with those of this one's."""
        group_size = dist.get_world_size() // num_groups
        shape, names = (num_groups, 1, group_size), ("guidance", "ring", "ulysses")
        mesh = init_device_mesh(self._device.type, shape, mesh_dim_names=names)
        guidance_parallel = ONE_RANK if num_groups == 1 else GuidanceParallel(mesh["guidance"].get_group())
        return guidance_parallel, None if group_size == 1 else make_config(mesh, self._device)


def _do_nothing() -> None:
    pass
