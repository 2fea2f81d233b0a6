"""What a pass of the transformer computes, how often, and in which graphs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch._dynamo.utils import counters

from pipeline.diffusion.clip_loop import Clip
from pipeline.diffusion.clips import ClipPlan
from pipeline.diffusion.context import AttentionContext
from pipeline.errors import WeightsError
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.sampler import ClipGenerator
from pipeline.longcat.schedule import Schedule
from pipeline.longcat.segments import plan_segments
from pipeline.longcat.transformer import Conditioning, Continuation, KnownFrames, LongCatTransformer, People
from tests.golden_rule import make_vae, relative_error, rule
from tests.pipeline.longcat.golden_cases import NoReporter, make_inputs, make_settings, read_rows
from tests.pipeline.longcat.golden_models import AUDIO, TEXT_DIM, make_transformer

PAIR = next(row for row in read_rows("loops") if row["name"] == "pair")
NUM_NOISE = 4


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def transformer() -> LongCatTransformer:
    return make_transformer("1.5")


def draw_known(transformer: LongCatTransformer, continuation: Continuation, size: tuple[int, int]) -> KnownFrames:
    latents = rule("known", (1, 16, continuation.num_known, *size), 1.7)
    if continuation.reference_index is not None:
        latents = torch.cat([rule("reference", (1, 16, 1, *size), 1.7), latents], dim=2)
    return transformer.remember(latents, continuation)


def predict(
    transformer: LongCatTransformer,
    continuation: Continuation | None = None,
    people: People | None = None,
    size: tuple[int, int] = (6, 8),
    num_noise: int = NUM_NOISE,
) -> torch.Tensor:
    known = None if continuation is None else draw_known(transformer, continuation, size)
    num_known = 0 if continuation is None else continuation.num_known
    num_voices = 1 if people is None else 2 + people.has_still
    windows = rule("windows", (1, num_voices, 4 * (num_known + num_noise - 1) + 1, 5, *AUDIO["1.5"]))
    conditioning = Conditioning(AttentionContext(rule("text", (1, 9, TEXT_DIM))), AttentionContext(windows), people)
    return transformer(rule("noise", (1, 16, num_noise, *size), 1.7), torch.tensor([700.0]), conditioning, known)


def test_is_as_large_as_released_and_built_without_memory() -> None:
    with torch.device("meta"):
        model = LongCatTransformer(LongCatArchitecture.released("1.5"))
        int8 = LongCatTransformer(replace(LongCatArchitecture.released("1.5"), int8=True))
    assert {tensor.device.type for tensor in (*model.parameters(), *int8.parameters())} == {"meta"}
    # The released files have 31.7 and 15.9 GB.
    assert sum(weight.numel() * 2 for weight in model.parameters()) == pytest.approx(31.7e9, rel=1e-3)
    assert sum(weight.nbytes for weight in int8.parameters()) == pytest.approx(15.9e9, rel=1e-2)


def test_the_released_config_gives_the_sizes() -> None:
    released = LongCatArchitecture.released("1.5")
    assert (released.head_dim, released.ffn_dim) == (128, 11008)
    config = released.to_config() | {"_class_name": "LongCatVideoAvatarTransformer3DModel", "class_range": 24}
    assert LongCatArchitecture.from_config(config) == released
    with pytest.raises(WeightsError, match="33 heads"):
        LongCatArchitecture.from_config(config | {"num_heads": 33})


@pytest.mark.parametrize(
    ("index", "width", "num_noise", "blind"),
    [
        (10, 3, 20, range(3, 10)),
        (30, 3, 20, range(0)),
        (6, 3, 20, range(0)),
        (6, 2, 5, range(5)),
        (10, 0, 20, range(0)),
    ],
)
def test_noise_near_the_reference_does_not_see_it(index: int, width: int, num_noise: int, blind: range) -> None:
    assert Continuation(4, index, width).find_blind(num_noise) == blind


@pytest.mark.parametrize(
    "continuation", [Continuation(4, 6, 1), Continuation(4, 6, 2), Continuation(4, 30, 3), Continuation(4)]
)
def test_every_continuation_gives_numbers_of_its_own(
    transformer: LongCatTransformer, continuation: Continuation
) -> None:
    flow = predict(transformer, continuation, num_noise=5)
    assert flow.isfinite().all()
    others = [Continuation(1), Continuation(4, 12, 0)]
    assert all(relative_error(flow, predict(transformer, other, num_noise=5)) > 1e-3 for other in others)


def test_an_empty_mask_leaves_numbers(transformer: LongCatTransformer) -> None:
    masks = torch.zeros(2, 6, 8)
    masks[0] = 1  # The second person is nowhere, and neither is the background.
    assert predict(transformer, Continuation(1), People(masks)).isfinite().all()


def test_who_keeps_still_has_a_voice_and_a_place_of_their_own(transformer: LongCatTransformer) -> None:
    masks = torch.zeros(3, 6, 8)
    masks[0, :, :3] = masks[1, :, 5:] = masks[2, :2, 3:5] = 1
    still = predict(transformer, Continuation(1), People(masks, has_still=True))
    assert relative_error(still, predict(transformer, Continuation(1), People(masks[:2]))) > 1e-2
    seats = torch.tensor([[0, 1, 3]]).expand(NUM_NOISE, -1)
    seated = predict(transformer, Continuation(1), People(masks, seats, has_still=True))
    assert torch.equal(seated, still)


def make_clips(transformer: LongCatTransformer, num_frames: int, reference_index: int | None) -> list[Clip]:
    """Make a video of two people in segments of 17 frames and two steps."""
    settings = make_settings(PAIR)
    hand_over = replace(settings.hand_over, reference_index=reference_index, in_8_bits=False)
    settings = replace(settings, schedule=Schedule(7.0, 2), hand_over=hand_over)
    generator = ClipGenerator(transformer, make_vae(), settings)
    plan = ClipPlan(num_frames, 17, 13)
    return list(generator.generate(make_inputs(PAIR), plan, lambda index, shape: rule(f"{index}", shape), NoReporter()))


def test_what_is_known_and_given_is_computed_once_a_segment(transformer: LongCatTransformer) -> None:
    counts: Counter[str] = Counter()
    names = (
        "blocks",
        "y_embedder",
        "audio_proj",
        "blocks.1.cross_attn.kv_linear",
        "blocks.1.audio_cross_attn.kv_linear",
    )
    hooks = [
        transformer.get_submodule(name).register_forward_hook(lambda *_, name=name: counts.update([name]))
        for name in names
    ]
    clips = make_clips(transformer, 19, reference_index=6)
    for hook in hooks:
        hook.remove()
    assert [clip.new_frames.shape[2] for clip in clips] == [17, 2]
    # Two steps and what is known.
    assert counts == dict.fromkeys(names, 2) | {"blocks": 2 * 3}


def test_a_video_goes_on_without_a_reference(transformer: LongCatTransformer) -> None:
    clips = make_clips(transformer, 23, reference_index=None)
    assert [clip.new_frames.shape[2] for clip in clips] == [17, 4, 2]
    assert all(clip.latents.isfinite().all() for clip in clips)


def test_a_reference_that_no_noise_sees_changes_nothing(transformer: LongCatTransformer) -> None:
    hidden, absent = (predict(transformer, Continuation(4, *one), num_noise=5) for one in ((6, 2), ()))
    assert relative_error(hidden, absent) < 1e-5


def test_the_voices_decide_how_many_segments_there_are() -> None:
    lengths = {frames: plan_segments(frames) for frames in (1, 50, 93, 94, 173, 174, 1000)}
    assert [len(plan.starts) for plan in lengths.values()] == [1, 1, 1, 2, 2, 3, 13]
    assert [lengths[frames].clip_frames for frames in (1, 50, 93, 94)] == [17, 53, 93, 93]
    for frames, plan in lengths.items():
        assert sum(new.stop - new.start for new in plan.new_frames()) == frames


def test_a_few_graphs_serve_all_blocks_sizes_and_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    # One for what continues nothing, one for what goes on from a photo, one where some do not see the reference.
    transformer = make_transformer("1.5")
    cases = [
        (continuation, size)
        for continuation in (None, Continuation(1), Continuation(4, 6, 1))
        for size in ((6, 8), (4, 10))
    ]
    plain = [predict(transformer, case, size=size) for case, size in cases]
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager", fullgraph=True))
    torch._dynamo.reset()
    counters.clear()
    transformer.compile_blocks()
    torch.testing.assert_close([predict(transformer, case, size=size) for case, size in cases], plain)
    assert counters["stats"]["unique_graphs"] == 3
    transformer.uncompile_blocks()
