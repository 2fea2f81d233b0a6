"""LoRAs in the released form: merged, and added while the model runs, over weights of 8 bits too."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.errors import WeightsError
from pipeline.longcat.architecture import LongCatArchitecture
from pipeline.longcat.lora import RuntimeLora, read_lora
from pipeline.longcat.transformer import LongCatTransformer
from pipeline.weights.loading import Component, ComponentSpec, load_component
from pipeline.weights.lora import fuse_lora
from pipeline.weights.spec import AddedLora
from tests.golden_rule import relative_error
from tests.pipeline.longcat.golden_cases import read_rows, read_units, run_forward
from tests.pipeline.longcat.golden_models import architecture, make_transformer, quantized_weights, released_lora

ROW = next(row for row in read_rows("forward") if row["name"] == "forward_lora")
INT8_ROW = next(row for row in read_rows("forward") if row["name"] == "forward_int8")
QKV = "lora___lorahyphen___blocks___lorahyphen___0___lorahyphen___attn___lorahyphen___qkv"


@pytest.fixture(autouse=True)
def _without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


@pytest.fixture
def transformer() -> LongCatTransformer:
    return make_transformer("1.5")


@pytest.fixture
def weights(transformer: LongCatTransformer, tmp_path: Path) -> Path:
    """A folder with the golden LoRA."""
    folder = tmp_path / "loras" / "dmd"
    folder.mkdir(parents=True)
    # As a trainer's header would have it; the scale in the file is what counts.
    save_file(released_lora(transformer), folder / "dmd_lora.safetensors", {"lora_alpha": "64"})
    return tmp_path


def test_merging_equals_the_original(transformer: LongCatTransformer, weights: Path) -> None:
    fuse_lora(transformer, read_lora(weights / "loras/dmd/dmd_lora.safetensors"))
    assert relative_error(run_forward(transformer, ROW), read_units()["forward_lora"]) < 1e-5


def test_takes_turns_with_other_strengths_and_none(transformer: LongCatTransformer, weights: Path) -> None:
    lora = RuntimeLora(transformer, weights)
    plain = run_forward(transformer, ROW)
    lora.choose(AddedLora("dmd"), lambda _: None)
    assert relative_error(run_forward(transformer, ROW), read_units()["forward_lora"]) < 1e-5
    lora.choose(AddedLora("dmd", 0.3), lambda _: None)
    weaker = make_transformer("1.5")
    fuse_lora(weaker, read_lora(weights / "loras/dmd/dmd_lora.safetensors"), 0.3)
    assert relative_error(run_forward(transformer, ROW), run_forward(weaker, ROW)) < 1e-5
    lora.choose(None, lambda _: None)
    assert torch.equal(run_forward(transformer, ROW), plain)


def test_released_files_of_8_bits_are_loaded_as_they_are(weights: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    # As released: scales in fp32, and in bf16 what is not in 8 bits.
    released = {
        name: tensor if tensor.dtype == torch.int8 or name.endswith("scale") else tensor.bfloat16()
        for name, tensor in quantized_weights("1.5").items()
    }
    save_file(released, file)
    spec = ComponentSpec(
        "transformer",
        lambda config: LongCatTransformer(LongCatArchitecture.from_config(config)),
        torch.bfloat16,
        tuple(LongCatTransformer._keep_in_fp32_modules),
    )
    component = Component(spec, architecture("1.5", int8=True).to_config(), (file,))
    model = load_component(component, torch.device("cpu"), lambda _: None)
    assert component.count_bytes() < 0.55 * sum(weight.numel() * 2 for weight in make_transformer("1.5").parameters())
    exact = run_forward(make_transformer("1.5", int8=True), INT8_ROW)
    assert relative_error(run_forward(model, INT8_ROW), exact) < 1e-2
    # The LoRA is of bf16's accuracy where the model is.
    RuntimeLora(model, weights).choose(AddedLora("dmd"), lambda _: None)
    exact = run_forward(make_transformer("1.5", int8=True, lora=1.0), INT8_ROW)
    assert relative_error(run_forward(model, INT8_ROW), exact) < 1e-2


def test_a_missing_file_is_an_error(transformer: LongCatTransformer, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="Expected one LoRA file"):
        RuntimeLora(transformer, tmp_path).choose(AddedLora("dmd"), lambda _: None)


def test_a_released_file_without_its_scales_is_refused(transformer: LongCatTransformer, tmp_path: Path) -> None:
    path = tmp_path / "dmd_lora.safetensors"
    save_file({key: one for key, one in released_lora(transformer).items() if key != f"{QKV}.alpha_scale"}, path)
    with pytest.raises(WeightsError, match=rf"Expected {QKV}\.alpha_scale"):
        read_lora(path)


@pytest.mark.parametrize(
    ("key", "tensor", "reason"),
    [
        (f"{QKV}.lora_down.weight", torch.ones(24, 32), "something else for blocks.0.attn.qkv.weight"),
        (f"{QKV}.lora_up.blocks.2.weight", torch.ones(100, 8), "something else for blocks.0.attn.qkv.weight"),
        (f"{QKV}.alpha_scale", torch.tensor(float("nan")), "broken numbers"),
        ("blocks.9.attn.qkv.lora_down.weight", torch.ones(4, 160), "incomplete"),
        (f"{QKV}.lora_middle", torch.ones(1), "not understood"),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(
    transformer: LongCatTransformer, tmp_path: Path, key: str, tensor: torch.Tensor, reason: str
) -> None:
    (tmp_path / "loras/dmd").mkdir(parents=True)
    save_file(released_lora(transformer) | {key: tensor}, tmp_path / "loras/dmd/broken.safetensors")
    with pytest.raises(WeightsError, match=reason):
        RuntimeLora(transformer, tmp_path).choose(AddedLora("dmd"), lambda _: None)
    assert all(layer.low_rank.down is None for layer in transformer.modules() if hasattr(layer, "low_rank"))
