"""What 8 bits cost in accuracy, on the golden cases."""

import pytest
import torch

from pipeline.diffusion.quantization import quantize_blocks
from pipeline.engine import Precision
from tests.pipeline.infinitetalk.golden_cases import Row, forward_inputs, read_cases, relative_error
from tests.pipeline.infinitetalk.golden_models import make_transformer, to_bf16

BOUNDS: dict[Precision, float] = {"fp8": 7e-2, "int8": 4e-2}


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("row", read_cases()["transformer"], ids=lambda row: row["name"])
@torch.no_grad()
def test_stays_near_bf16(row: Row, precision: Precision) -> None:
    transformer = to_bf16(make_transformer())
    latents, context = forward_inputs(row["name"], row, torch.bfloat16)
    expected = transformer(latents, torch.tensor([row["timestep"]]), context)
    quantize_blocks(transformer.blocks, precision, torch.device("cpu"))
    latents, context = forward_inputs(row["name"], row, torch.bfloat16)
    error = relative_error(transformer(latents, torch.tensor([row["timestep"]]), context), expected)
    assert 0 < error < BOUNDS[precision]
