"""What LongCat is said to compute is what it computes, and what that takes is known before a run."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.context import AttentionContext
from pipeline.diffusion.flops import count_forward_flops
from pipeline.engines import PROFILES
from pipeline.estimate import estimate
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.estimate import TRANSFORMER, count_passes, count_step_flops
from pipeline.longcat.guidance import LongCatGuidance
from pipeline.longcat.transformer import Conditioning, Continuation, LongCatTransformer
from pipeline.profiles import FrameSize, Sampling


@pytest.mark.parametrize(("segment", "continuation"), [(0, Continuation(1)), (1, Continuation(2, 4, 0))])
def test_counts_what_a_pass_computes(segment: int, continuation: Continuation) -> None:
    with torch.device("meta"), torch.no_grad():
        transformer = LongCatTransformer(LongCatArchitecture(num_layers=1)).bfloat16()
        num_given = continuation.num_known + (continuation.reference_index is not None)
        known = transformer.remember(torch.empty(1, 16, num_given, 16, 16), continuation)
        text, audio = torch.empty(1, 512, 4096).bfloat16(), torch.empty(1, 1, 17, 5, 5, 1280).bfloat16()
        conditioning = Conditioning(AttentionContext(text), AttentionContext(audio))
        noise = torch.empty(1, 16, 5 - continuation.num_known, 16, 16)
        transformer(noise, torch.empty(1), conditioning, known)
        with FlopCounterMode(display=False) as counter:
            transformer(noise, torch.empty(1), conditioning, known)
    blocks = sum(counter.flop_counts["LongCatTransformer.blocks"].values())
    counted = count_step_flops(FrameSize(128, 128), ClipPlan(40, 17, 5), segment) / TRANSFORMER.num_layers
    # The modulation of the one timestep is not counted.
    assert counted == pytest.approx(blocks, rel=1e-3)


def test_a_segment_takes_about_as_much_as_a_window_of_infinitetalk() -> None:
    later = count_step_flops(FrameSize(640, 640), ClipPlan(200, 93, 13), 1)
    assert later == pytest.approx(count_forward_flops(33_600), rel=0.03)


@pytest.mark.parametrize("text", [1.0, 3.0, 4.0])
@pytest.mark.parametrize("audio", [0.5, 1.0, 3.0])
def test_counts_the_passes_of_a_step(text: float, audio: float) -> None:
    assert count_passes(text, audio) == len(LongCatGuidance(text, audio).branches)


def test_each_segment_counts() -> None:
    one, two, many = (estimate(PROFILES["longcat"], Sampling(8), frames / 25, "H100") for frames in (93, 94, 15_000))
    assert one.seconds < two.seconds < 2 * one.seconds
    assert many.seconds == pytest.approx((two.seconds - one.seconds) * 187 + one.seconds)
    assert (one.basis, one.loading_seconds) == ("calculated", pytest.approx(46 / 2.5))
