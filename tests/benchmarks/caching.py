"""TeaCache beside diffusers' own caches: the share of the blocks that each computes, and its error.

`python -m tests.benchmarks.caching --weights FOLDER` takes a prepared model; without, a narrow one with random weights
shows that all work, and nothing about real videos.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from diffusers import FirstBlockCacheConfig, MagCacheConfig, TaylorSeerCacheConfig
from diffusers.hooks import HookRegistry
from diffusers.hooks._helpers import TransformerBlockMetadata, TransformerBlockRegistry

from pipeline.diffusion.guidance import GuidanceScales
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig, apply_tea_cache, remove_tea_cache
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.sampler import ClipInputs, SamplerSettings, denoise
from pipeline.infinitetalk.transformer import InfiniteTalkBlock, InfiniteTalkTransformer3DModel
from pipeline.types import FrameSize
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.loading import load_component
from tests.benchmarks.models import make_context, make_latents, make_narrow
from tests.benchmarks.report import Row, find_device, write_report

SCALES = GuidanceScales(5.0, 4.0)
SHIFT = 7.0
Switch = Callable[[InfiniteTalkTransformer3DModel], None]


def main() -> None:
    """Read the command line, denoise one clip with each cache and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--weights", type=Path, help="folder of a prepared model")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--size", default="640x640", help="width x height")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--output", type=Path, help="JSON file")
    arguments = parser.parse_args()
    device = find_device(arguments.device)
    TransformerBlockRegistry.register(InfiniteTalkBlock, TransformerBlockMetadata(return_hidden_states_index=0))
    rows = list(measure_all(Clip(arguments, device), arguments.steps))
    write_report(f"{arguments.steps} steps of 3 passes, {arguments.frames} frames", device, rows, arguments.output)


class Clip:
    """A clip to be denoised again and again.

    Args:
        arguments: The command line.
        device: Where to run.
    """

    def __init__(self, arguments: argparse.Namespace, device: torch.device) -> None:
        self.transformer = load_transformer(arguments.weights, device)
        width, height = map(int, arguments.size.split("x"))
        dtype = self.transformer.compute_dtype
        latents = make_latents(FrameSize(width, height), arguments.frames, device, torch.float32)
        self.noise, self.condition = latents[:, :16], latents[:, 16:]
        self.contexts = {kind: make_context(arguments.frames, device, dtype) for kind in SCALES.branches}
        self.settings = SamplerSettings(SCALES, arguments.steps, SHIFT)
        self.num_computed = 0
        for block in self.transformer.blocks:
            block.compute = partial(self._compute, block.compute)

    def _compute(self, compute: Callable[..., torch.Tensor], *args: object) -> torch.Tensor:
        self.num_computed += 1
        return compute(*args)

    @torch.no_grad()
    def denoise(self) -> torch.Tensor:
        """Return the clip's latents."""
        self.num_computed = 0
        HookRegistry.check_if_exists_or_initialize(self.transformer).reset_stateful_hooks()
        clip = ClipInputs(self.condition[:, 4:, :1], self.condition, self.contexts)
        return denoise(self.transformer, self.noise, clip, self.settings, report_nothing)

    def measure_ratios(self) -> list[float]:
        """Return how the blocks' change grows from step to step, which MagCache has to be told."""
        norms: list[float] = []

        def note(module: object, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            del module
            norms.append(float((output - inputs[0]).norm()))

        hook = self.transformer.blocks.register_forward_hook(note)
        self.denoise()
        hook.remove()
        prompted = norms[:: len(SCALES.branches)]
        return [1.0, *(after / before for before, after in pairwise(prompted))]


def load_transformer(weights: Path | None, device: torch.device) -> InfiniteTalkTransformer3DModel:
    """Load the model of the folder; without one, make a narrow one."""
    if weights is None:
        return make_narrow(4, 256, device, torch.float32)
    return load_component(open_checkpoint(weights, LAYOUT).components["transformer"], device, report_nothing)


def measure_all(clip: Clip, num_steps: int) -> Iterator[Row]:
    """Denoise without a cache and with each."""
    expected = clip.denoise()
    num_blocks = clip.num_computed
    for name, apply in list_caches(clip.measure_ratios(), num_steps).items():
        apply(clip.transformer)
        HookRegistry.check_if_exists_or_initialize(clip.transformer).invalidate_child_registries_cache()
        error = (clip.denoise() - expected).norm() / expected.norm()
        yield {"cache": name, "blocks computed": clip.num_computed / num_blocks, "error": float(error)}
        remove_tea_cache(clip.transformer)
        if clip.transformer.is_cache_enabled:
            clip.transformer.disable_cache()


def list_caches(ratios: list[float], num_steps: int) -> dict[str, Switch]:
    """Return what there is to compare, by name."""
    configs = {
        **{f"first block, {threshold}": FirstBlockCacheConfig(threshold) for threshold in (0.02, 0.05, 0.1, 0.2)},
        **{
            f"MagCache, {threshold}": MagCacheConfig(threshold, num_inference_steps=num_steps, mag_ratios=ratios)
            for threshold in (0.02, 0.06, 0.12)
        },
        **{
            f"TaylorSeer, every {interval}": TaylorSeerCacheConfig(interval, use_lite_mode=True)
            for interval in (2, 3, 5)
        },
    }
    tea = {
        f"TeaCache, {threshold}": partial(apply_tea_cache, config=TeaCacheConfig(COEFFICIENTS["480p"], threshold))
        for threshold in (0.1, 0.2, 0.4)
    }
    return tea | {name: partial(enable, config=config) for name, config in configs.items()}


def enable(transformer: InfiniteTalkTransformer3DModel, config: object) -> None:
    """Apply one of diffusers' caches."""
    transformer.enable_cache(config)


def report_nothing(step: int) -> None:
    """Take progress."""


if __name__ == "__main__":
    main()
