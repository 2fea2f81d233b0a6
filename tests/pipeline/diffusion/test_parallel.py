"""Several processes on one clip against one process: gloo, on the CPU."""

import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.parallel import parallelize
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig, apply_tea_cache
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel, PassContext

NUM_STEPS = 7


def make_transformer() -> InfiniteTalkTransformer3DModel:
    torch.manual_seed(0)
    return InfiniteTalkTransformer3DModel(
        num_attention_heads=5,
        attention_head_dim=24,
        text_dim=16,
        freq_dim=16,
        ffn_dim=64,
        num_layers=2,
        image_dim=24,
        added_kv_proj_dim=120,
        audio_layers=2,
        audio_channels=8,
        audio_intermediate_dim=8,
        audio_dim=16,
        audio_tokens=4,
    ).eval()


@torch.no_grad()
def run_steps(transformer: InfiniteTalkTransformer3DModel, num_latent_frames: int) -> torch.Tensor:
    """Run the steps of a pass with TeaCache, which skips some."""
    apply_tea_cache(transformer, TeaCacheConfig(COEFFICIENTS["480p"], threshold=1e9))
    generator = torch.Generator().manual_seed(1)
    shapes = (1, 512, 16), (1, 257, 24), (1, 1, 4 * num_latent_frames - 3, 5, 2, 8)
    context = PassContext(*(AttentionContext(torch.randn(shape, generator=generator)) for shape in shapes))
    # 5 x 5 tokens a frame.
    latents = torch.randn(1, 36, num_latent_frames, 10, 10, generator=generator)
    outputs = []
    for step in range(NUM_STEPS):
        with transformer.cache_context("cond"):
            outputs.append(transformer(latents * (1 + step), torch.tensor([1000.0 - 100 * step]), context))
    return torch.cat(outputs)


def work(rank: int, world_size: int, folder: Path, num_latent_frames: int) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world_size)
    transformer = make_transformer()
    parallelize(transformer, torch.device("cpu"))
    torch.save(run_steps(transformer, num_latent_frames), folder / f"{rank}.pt")
    dist.destroy_process_group()


# 75 tokens on 2 processes and 100 on 3 do not divide, and parts begin inside a frame; 100 on 2 do.
@pytest.mark.parametrize(("world_size", "num_latent_frames"), [(2, 3), (2, 4), (3, 4)])
def test_equals_one_process(world_size: int, num_latent_frames: int, tmp_path: Path) -> None:
    # Forked, as the libraries take a while to import.
    forked = multiprocessing.get_context("fork")
    processes = [
        forked.Process(target=work, args=(rank, world_size, tmp_path, num_latent_frames)) for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    expected = run_steps(make_transformer(), num_latent_frames)
    for process in processes:
        process.join(timeout=120)
    for rank in range(world_size):
        output = torch.load(tmp_path / f"{rank}.pt")
        assert (output - expected).norm() < 1e-5 * expected.norm()
