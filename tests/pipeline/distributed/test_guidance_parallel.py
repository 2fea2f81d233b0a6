"""Several ranks on one clip against one process: gloo, on the CPU."""

import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from diffusers.models.attention_dispatch import AttentionBackendName

from pipeline.diffusion.attention import use_backend
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.guidance import GuidanceScales
from pipeline.diffusion.tea_cache import COEFFICIENTS, TeaCacheConfig, apply_tea_cache
from pipeline.distributed.guidance_parallel import ONE_RANK, GuidanceParallel, Parallelism, find_degree
from pipeline.infinitetalk.sampler import ClipInputs, SamplerSettings, denoise
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel

Case = tuple[int, int, int]

CPU = torch.device("cpu")
UNSPLITTABLE = AttentionBackendName._NATIVE_MATH
SCALES = {1: GuidanceScales(1.0, 1.0), 2: GuidanceScales(1.0, 2.0), 3: GuidanceScales(5.0, 4.0)}


def make_transformer() -> InfiniteTalkTransformer3DModel:
    torch.manual_seed(0)
    transformer = InfiniteTalkTransformer3DModel(
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
    # Skips the last two of seven steps.
    apply_tea_cache(transformer, TeaCacheConfig(COEFFICIENTS["480p"], threshold=1e9))
    return transformer


def draw(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=generator)


@torch.no_grad()
def make_clip(
    transformer: InfiniteTalkTransformer3DModel,
    num_branches: int,
    num_latent_frames: int,
    num_people: int,
    parallel: GuidanceParallel,
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    scales = SCALES[num_branches]

    def draw_context() -> Conditioning:
        shapes = (1, 512, 16), (1, 257, 24), (1, min(num_people, 2), 4 * num_latent_frames - 3, 5, 2, 8)
        contexts = (AttentionContext(draw(generator, *shape)) for shape in shapes)
        if num_people == 1:
            return Conditioning(*contexts)
        masks = torch.eye(5).repeat_interleave(5, dim=1)[:num_people, None].expand(-1, 5, -1)
        seats = torch.randint(0, 2, (num_latent_frames, num_people), generator=generator)
        return Conditioning(*contexts, masks, seats)

    # 5 x 5 tokens a frame.
    size = (num_latent_frames, 10, 10)
    noise, condition, known = (draw(generator, 1, channels, *size) for channels in (16, 20, 16))
    clip = ClipInputs(known[:, :, :1], condition, {kind: draw_context() for kind in scales.branches})
    return denoise(transformer, noise, clip, SamplerSettings(scales, 7, 3.0), lambda _: None, parallel)


def work(rank: int, world_size: int, folder: Path, cases: list[Case]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    transformer = make_transformer()
    if rank == 0:  # the others follow, as far as it can be split
        use_backend(transformer, UNSPLITTABLE)
    parallelism = Parallelism(transformer, CPU)
    clips = [make_clip(transformer, *case, parallelism.apply(case[0])) for case in cases]
    parallelism.apply(world_size)
    assert transformer.blocks[0].self_attention._attention_backend == UNSPLITTABLE
    torch.save(clips, folder / f"{rank}.pt")
    dist.destroy_process_group()


# Branches, latent frames and people. 75 tokens on 2 ranks and 100 on 3 do not divide, and parts begin inside a frame;
# once, two ranks share the first frame, by which people are told apart. Between two cases, work is shared out anew.
@pytest.mark.parametrize(
    ("world_size", "cases"),
    [
        (2, [(2, 3, 1), (1, 3, 2), (3, 4, 1)]),
        (3, [(3, 3, 1), (2, 4, 1), (1, 2, 3), (3, 3, 2)]),
        (4, [(2, 3, 2)]),
    ],
)
def test_equals_one_process(world_size: int, cases: list[Case], tmp_path: Path) -> None:
    # Forked, as the libraries take a while to import.
    forked = multiprocessing.get_context("fork")
    processes = [forked.Process(target=work, args=(rank, world_size, tmp_path, cases)) for rank in range(world_size)]
    for process in processes:
        process.start()
    expected = [make_clip(make_transformer(), *case, ONE_RANK) for case in cases]
    for process in processes:
        process.join(timeout=120)
    for rank in range(world_size):
        for clip, one in zip(torch.load(tmp_path / f"{rank}.pt"), expected, strict=True):
            assert (clip - one).norm() < 1e-5 * one.norm()


@pytest.mark.parametrize(
    ("num_ranks", "groups"), [(2, (1, 2, 1)), (3, (1, 1, 3)), (4, (1, 2, 1)), (6, (1, 2, 3)), (8, (1, 2, 1))]
)
def test_gives_each_branch_a_group_where_no_rank_idles(num_ranks: int, groups: tuple[int, int, int]) -> None:
    assert tuple(find_degree(num_ranks, num_branches) for num_branches in (1, 2, 3)) == groups
