"""What a pass of the transformer computes, how often, and in which graphs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
from diffusers.hooks.group_offloading import ModuleGroup
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
from pipeline.weights.offloading import offload
from tests.golden_rule import make_vae, relative_error, rule
from tests.pipeline.longcat.golden_cases import NoReporter, make_inputs, make_settings, read_rows
from tests.pipeline.longcat.golden_models import AUDIO, TEXT_DIM, make_transformer

PAIR = next(row for row in read_rows("loops") if row["name"] == "pair")
NUM_NOISE = 4
ONCE_A_SEGMENT = {
    "y_embedder",
    "audio_proj",
    "blocks.1.cross_attn.kv_linear",
    "blocks.1.audio_cross_attn.kv_linear",
}


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
    text, windows = (states.to(transformer.compute_dtype) for states in (rule("text", (1, 9, TEXT_DIM)), windows))
    conditioning = Conditioning(AttentionContext(text), AttentionContext(windows), people)
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


def test_what_is_remembered_takes_keys_and_values_and_no_more(transformer: LongCatTransformer) -> None:
    known = draw_known(transformer, Continuation(4, 6, 1), (6, 8))
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for one in known.blocks for tensor in one}
    num_tokens, sizes = 5 * 12, transformer.architecture
    assert sum(storage.nbytes() for storage in storages.values()) == 2 * sizes.num_layers * num_tokens * sizes.dim * 4


def test_offloaded_weights_come_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    transformer = make_transformer("1.5")
    names: dict[torch.nn.Module, str] = {}
    come: list[str] = []
    onload = ModuleGroup.onload_

    def watch(group: ModuleGroup) -> None:
        come.extend(names[module] for module in group.modules if module in names)
        onload(group)

    monkeypatch.setattr(ModuleGroup, "onload_", watch)
    names |= {transformer.get_submodule(name): name for name in ("t_embedder", "x_embedder", "blocks.0", "final_layer")}
    offload(transformer, "block_level", torch.device("cpu"))
    draw_known(transformer, Continuation(1), (6, 8))
    # Those outside of the blocks come together, when the whole is called.
    assert sorted(come[:3]) == ["final_layer", "t_embedder", "x_embedder"]
    assert come[3:] == ["blocks.0"]


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


@dataclass(frozen=True)
class Watched:
    """A video of three segments, how often modules ran, and the first frames of what was known."""

    clips: list[Clip]
    counts: Counter[str]
    first_known: list[torch.Tensor]


@pytest.fixture(scope="module")
def watched(transformer: LongCatTransformer) -> Iterator[Watched]:
    counts: Counter[str] = Counter()
    first_known: list[torch.Tensor] = []
    remember = transformer.remember

    def watch(latents: torch.Tensor, continuation: Continuation) -> KnownFrames:
        first_known.append(latents[:, :, 0])
        return remember(latents, continuation)

    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack, torch.no_grad():
        patch.setattr(transformer, "remember", watch)
        for name in ONCE_A_SEGMENT | {"blocks"}:
            module = transformer.get_submodule(name)
            stack.callback(module.register_forward_hook(lambda *_, name=name: counts.update([name])).remove)
        yield Watched(make_clips(transformer, 23, reference_index=6), counts, first_known)


def test_what_is_known_and_given_is_computed_once_a_segment(watched: Watched) -> None:
    assert [clip.new_frames.shape[2] for clip in watched.clips] == [17, 4, 2]
    # Two steps and what is known.
    assert watched.counts == dict.fromkeys(ONCE_A_SEGMENT, 3) | {"blocks": 3 * 3}


def test_every_segment_refers_to_the_videos_first_frame(watched: Watched) -> None:
    first = watched.clips[0].latents[:, :, 0]
    assert len(watched.first_known) == 3
    assert all(torch.equal(one, first) for one in watched.first_known)


def test_a_video_goes_on_without_a_reference(transformer: LongCatTransformer) -> None:
    clips = make_clips(transformer, 19, reference_index=None)
    assert [clip.new_frames.shape[2] for clip in clips] == [17, 2]
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


def test_one_graph_serves_all_blocks_and_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    transformer, sizes = make_transformer("1.5"), ((6, 8), (4, 10))
    plain = [predict(transformer, Continuation(4, 6, 1), size=size) for size in sizes]
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager", fullgraph=True))
    torch._dynamo.reset()
    counters.clear()
    transformer.compile_blocks()
    compiled = [predict(transformer, Continuation(4, 6, 1), size=size) for size in sizes]
    torch.testing.assert_close(compiled, plain)
    assert counters["stats"]["unique_graphs"] == 1
