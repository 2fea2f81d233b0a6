"""What 8 bits cost in accuracy, on the golden cases."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.engine import EngineSettings, Precision, PrecisionSetting
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.scene import Scene
from pipeline.weights.quantization import choose_precision, quantize_blocks
from tests.golden_rule import relative_error, to_bf16
from tests.pipeline.infinitetalk.golden_cases import Row, forward_inputs, keep_people, read_rows
from tests.pipeline.infinitetalk.golden_models import make_transformer

BOUNDS: dict[Precision, float] = {"fp8": 7e-2, "int8": 4e-2}


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("row", read_rows("transformer"), ids=lambda row: row["name"])
@torch.no_grad()
def test_stays_near_bf16(row: Row, precision: Precision, monkeypatch: pytest.MonkeyPatch) -> None:
    transformer = to_bf16(make_transformer())

    def predict() -> torch.Tensor:
        latents, context = forward_inputs(row["name"], row, torch.bfloat16)
        return transformer(latents, torch.tensor([row["timestep"]]), context)

    expected = keep_people(monkeypatch, predict)
    quantize_blocks(transformer.blocks, precision, torch.device("cpu"))
    assert 0 < relative_error(predict(), expected) < BOUNDS[precision]


@pytest.mark.parametrize("precision", BOUNDS)
def test_weights_of_8_bits_may_wait_in_cpu_memory(
    prepared: Path, make_scene: Callable[..., Scene], precision: Precision
) -> None:
    engine = InfiniteTalkEngine(EngineSettings(prepared, "cpu", precision))
    engine.load(lambda _: None)
    at_once, waiting, again = (
        np.concatenate(list(engine.generate(make_scene(1.1, profile), lambda _: None)))
        for profile in ("fast", "low_vram", "fast")
    )
    assert np.array_equal(at_once, waiting)
    assert np.array_equal(at_once, again)


@pytest.mark.parametrize(
    ("setting", "fits", "precision"),
    [
        ("auto", True, "bf16"),
        ("auto", False, "int8"),
        ("bf16", False, "bf16"),
        ("fp8", False, "fp8"),
        ("fp8", True, "fp8"),
        ("int8", True, "int8"),
    ],
)
def test_full_precision_is_given_up_only_where_weights_do_not_fit(
    setting: PrecisionSetting, fits: bool, precision: Precision
) -> None:
    assert choose_precision(setting, fits=fits) == precision
