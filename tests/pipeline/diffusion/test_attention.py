"""Choosing the attention, on the CPU, where torch's own is the only one."""

from collections.abc import Iterator

import pytest
import torch
from diffusers.models.attention_dispatch import attention_backend
from torch import nn

from pipeline.diffusion.attention import AttentionShape, choose_backend, measure_backends, set_attention
from pipeline.errors import EngineUnavailableError
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.transformer import LongCatTransformer

SHAPE = AttentionShape(num_tokens=64, num_heads=2, head_dim=24)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _restored_default() -> Iterator[None]:
    with attention_backend("native"):
        yield


@pytest.fixture(params=["infinitetalk", "longcat"])
def transformer(request: pytest.FixtureRequest) -> nn.Module:
    with torch.device("meta"):
        if request.param == "longcat":
            return LongCatTransformer(LongCatArchitecture(dim=48, num_heads=2, num_layers=2, text_dim=8))
        return InfiniteTalkTransformer3DModel(num_attention_heads=2, attention_head_dim=24, num_layers=2, text_dim=8)


def test_takes_torchs_own_without_a_gpu() -> None:
    assert choose_backend(SHAPE, CPU, torch.float32) == "native"


def test_measures_only_what_runs_and_compares_it() -> None:
    measurements = measure_backends(("native", "_native_math", "flash", "xformers", "sage"), SHAPE, CPU, torch.float32)
    assert [measurement.backend for measurement in measurements] == ["native", "_native_math"]
    assert all(measurement.error < 1e-5 and measurement.seconds > 0 for measurement in measurements)


def test_sets_the_attention_of_every_layer(transformer: nn.Module) -> None:
    assert set_attention(transformer, "_native_math", SHAPE, CPU, torch.float32) == "_native_math"
    assert {block.self_attention._attention_backend for block in transformer.blocks} == {"_native_math"}


@pytest.mark.parametrize("setting", ["flash", "no_such_attention"])
def test_says_which_attention_cannot_run(transformer: nn.Module, setting: str) -> None:
    with pytest.raises(EngineUnavailableError, match=setting):
        set_attention(transformer, setting, SHAPE, CPU, torch.float32)
