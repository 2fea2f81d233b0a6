"""Several ranks on one segment against one process: gloo, on the CPU."""

import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from diffusers.models.attention_dispatch import AttentionBackendName

from pipeline.diffusion.attention import use_backend
from pipeline.diffusion.context import AttentionContext
from pipeline.distributed.guidance_parallel import ONE_RANK, GuidanceParallel, Parallelism
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.guidance import LongCatGuidance
from pipeline.longcat.sampler import Known, SamplerSettings, denoise
from pipeline.longcat.schedule import Schedule
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer, People

# Passes of a step, known frames and people, of whom the third keeps still.
Case = tuple[int, int, int]

CPU = torch.device("cpu")
GUIDANCE = {1: LongCatGuidance(), 2: LongCatGuidance(4.0, 4.0), 3: LongCatGuidance(1.0, 3.0)}
NUM_NOISE = 4


def make_transformer() -> LongCatTransformer:
    torch.manual_seed(0)
    sizes = LongCatArchitecture(
        dim=120,
        num_layers=2,
        num_heads=5,
        text_dim=16,
        num_text_tokens=32,
        time_dim=16,
        freq_dim=16,
        audio_layers=2,
        audio_channels=8,
        audio_intermediate_dim=8,
        audio_dim=16,
        audio_tokens=4,
    )
    transformer = LongCatTransformer(sizes).eval()
    for parameter in transformer.parameters():
        # Layers that compute in fp32 are made without values.
        torch.nn.init.normal_(parameter, std=0.2)
    return transformer


@torch.no_grad()
def make_segment(transformer: LongCatTransformer, case: Case, parallel: GuidanceParallel) -> torch.Tensor:
    num_branches, num_known, num_people = case
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator)

    masks = torch.eye(5).repeat_interleave(5, dim=1)[:num_people, None].expand(-1, 5, -1)
    people = None if num_people == 1 else People(masks, has_still=num_people == 3)
    num_frames = 4 * (num_known + NUM_NOISE - 1) + 1
    guidance = GUIDANCE[num_branches]
    conditionings = {
        branch: Conditioning(
            AttentionContext(draw(1, 7, 16)), AttentionContext(draw(1, num_people, num_frames, 5, 2, 8)), people
        )
        for branch in guidance.branches
    }
    # 5 x 5 tokens a frame. A continuation has a reference before what it knows, and frames that do not see it.
    continuation = Continuation(num_known, num_known + 1 if num_known > 1 else None, mask_frame_range=1)
    num_clean = num_known + (num_known > 1)
    known = Known(draw(1, 16, num_clean, 10, 10), continuation) if num_known else None
    return denoise(
        transformer,
        draw(1, 16, NUM_NOISE, 10, 10),
        known,
        conditionings=conditionings,
        settings=SamplerSettings(guidance, Schedule(7.0, 3)),
        report_step=lambda _: None,
        continues=num_known > 1,
        parallel=parallel,
    )


def work(rank: int, world_size: int, folder: Path, cases: list[Case]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    transformer = make_transformer()
    # One that knows nothing of other ranks: the model exchanges tokens itself.
    backend = AttentionBackendName._NATIVE_MATH
    use_backend(transformer, backend)
    parallelism = Parallelism(transformer, CPU)
    segments = [make_segment(transformer, case, parallelism.apply(case[0])) for case in cases]
    assert transformer.blocks[0].self_attention._parallel_config is not None
    assert all(block.self_attention._attention_backend is backend for block in transformer.blocks)
    torch.save(segments, folder / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("world_size", "cases"),
    [(2, [(1, 0, 2), (2, 4, 1), (3, 1, 2)]), (3, [(1, 4, 3), (3, 0, 1), (2, 1, 2)])],
)
def test_equals_one_process(world_size: int, cases: list[Case], tmp_path: Path) -> None:
    # Forked, as the libraries take a while to import.
    forked = multiprocessing.get_context("fork")
    processes = [forked.Process(target=work, args=(rank, world_size, tmp_path, cases)) for rank in range(world_size)]
    for process in processes:
        process.start()
    expected = [make_segment(make_transformer(), case, ONE_RANK) for case in cases]
    for process in processes:
        process.join(timeout=120)
    for rank in range(world_size):
        for segment, one in zip(torch.load(tmp_path / f"{rank}.pt"), expected, strict=True):
            assert (segment - one).norm() < 1e-5 * one.norm()
