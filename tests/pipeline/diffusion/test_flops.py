"""The counted operations against torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.flops import TransformerSize, count_forward_flops, count_people_flops, count_tokens
from pipeline.infinitetalk.transformer import Conditioning, InfiniteTalkTransformer3DModel
from pipeline.types import FrameSize


@pytest.mark.parametrize(
    ("size", "num_frames", "num_tokens"),
    [
        (FrameSize(640, 640), 81, 33_600),
        (FrameSize(832, 480), 81, 32_760),
        (FrameSize(832, 480), 1, 1_560),
        (FrameSize(1280, 720), 81, 75_600),
    ],
)
def test_counts_the_tokens_of_a_clip(size: FrameSize, num_frames: int, num_tokens: int) -> None:
    assert count_tokens(size, num_frames) == num_tokens


def test_a_480p_window_costs_about_two_petaflop() -> None:
    assert count_forward_flops(33_600) == pytest.approx(1.9e15, rel=0.01)


def test_telling_people_apart_costs_a_fortieth_of_it() -> None:
    assert count_people_flops(33_600, 1_600) / count_forward_flops(33_600) == pytest.approx(1 / 42, rel=0.02)


@pytest.mark.parametrize("num_people", [1, 2])
def test_counts_what_a_forward_computes(num_people: int) -> None:
    with torch.device("meta"):
        transformer = InfiniteTalkTransformer3DModel(num_layers=1)
        latents, timestep = torch.empty(1, 36, 2, 16, 16), torch.empty(1)
        text, image = AttentionContext(torch.empty(1, 512, 4096)), AttentionContext(torch.empty(1, 257, 1280))
        audio = AttentionContext(torch.empty(1, num_people, 5, 5, 12, 768))
        context = Conditioning(text, image, audio, torch.empty(2, 8, 8) if num_people == 2 else None)
        transformer(latents, timestep, context)
        with FlopCounterMode(display=False) as counter:
            transformer(latents, timestep, context)
    size = TransformerSize(num_layers=1)
    counted = count_forward_flops(2 * 8 * 8, size)
    if num_people == 2:
        counted += count_people_flops(2 * 8 * 8, 8 * 8, size)
    # The embeddings of noise and timestep are not counted, and weigh only in a clip as small as this one.
    blocks = sum(counter.flop_counts["InfiniteTalkTransformer3DModel.blocks"].values())
    assert counted == pytest.approx(blocks, rel=1e-6)
