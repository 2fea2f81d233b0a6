"""Prepared variants of the weights hold what quantising and adding a LoRA at load would give."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from pipeline.engine import EngineSettings
from pipeline.errors import WeightsError
from pipeline.infinitetalk.checkpoint import LAYOUT
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.infinitetalk.weights import WEIGHTS
from pipeline.scene import Scene
from pipeline.types import Pixels, Progress
from pipeline.weights.fp8_files import Unpack
from pipeline.weights.loading import Component
from pipeline.weights.manifest import MANIFEST, check_files, read_manifest
from pipeline.weights.spec import Variant
from pipeline.weights.tensor_files import read_tensors
from pipeline.weights.variants import Variants, prepare_variant

MakeScene = Callable[..., Scene]
WEIGHT = "blocks.0.ffn.net.0.proj.weight"


def ignore(progress: Progress) -> None:
    del progress


def load(weights: Path, precision: str = "fp8") -> InfiniteTalkEngine:
    engine = InfiniteTalkEngine(EngineSettings(weights, "cpu", precision=precision))
    engine.load(ignore)
    return engine


def open_variant(weights: Path, variant: Variant) -> Component | None:
    return Variants(weights, LAYOUT, "fp8", torch.device("cpu")).open(variant)


def read_values(engine: InfiniteTalkEngine) -> dict[str, torch.Tensor]:
    parameters = engine._runtime.models.transformer.named_parameters()
    plain = {torch.nn.Parameter}
    return {name: one if type(one) in plain else one.dequantize() for name, one in parameters}


def generate(engine: InfiniteTalkEngine, scene: Scene) -> Pixels:
    return np.concatenate(list(engine.generate(scene, ignore)))


@pytest.fixture
def weights(prepared: Path, tmp_path: Path) -> Path:
    """A prepared folder with a LoRA."""
    folder = tmp_path / "weights"
    shutil.copytree(prepared, folder)
    generator = torch.Generator().manual_seed(0)
    down, up = torch.randn(2, 24, generator=generator), torch.randn(32, 2, generator=generator)
    path = folder / "loras/lightx2v/lora.safetensors"
    path.parent.mkdir(parents=True)
    key = "diffusion_model.blocks.0.ffn.0"
    save_file({f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}, path)
    return folder


def test_fp8_weights_are_those_of_quantising_at_load(prepared: Path, weights: Path, make_scene: MakeScene) -> None:
    prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT)
    at_load, stored = load(prepared), load(weights)
    expected = read_values(at_load)
    assert type(stored._runtime.models.transformer.get_parameter(WEIGHT)).__name__ == "Float8Tensor"
    assert all(torch.equal(values, expected[name]) for name, values in read_values(stored).items())
    scene = make_scene(1.1, guidance=2.0)
    assert np.array_equal(generate(stored, scene), generate(at_load, scene))


def test_loading_fp8_tells_the_bytes_that_it_reads(weights: Path) -> None:
    told: list[Progress] = []
    prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT)
    InfiniteTalkEngine(EngineSettings(weights, "cpu", precision="fp8")).load(told.append)
    assert 95.0 < told[-1].percent <= 100.0


def test_fp8_is_half_of_what_it_was(weights: Path) -> None:
    prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT)
    stored = dict(read_tensors(weights / "variants/fp8/transformer/model-00001.safetensors"))
    assert stored[WEIGHT].dtype == torch.float8_e4m3fn
    assert stored[f"{WEIGHT}_scale"].dtype == torch.float32
    assert stored["blocks.0.ffn.net.0.proj.bias"].dtype == torch.bfloat16


def test_weights_are_whole_after_a_reading_that_broke_off() -> None:
    values, scales = torch.ones(16, 16).to(torch.float8_e4m3fn), torch.full((16, 1), 2.0)
    unpack = Unpack(torch.device("cpu"))
    assert unpack("weight_scale", scales) == unpack("weight_scale", scales) == []
    ((name, weight),) = unpack("weight", values)
    assert name == "weight"
    assert torch.equal(weight.dequantize().float(), torch.full((16, 16), 2.0))


def test_values_and_scales_may_lie_in_different_files(weights: Path) -> None:
    prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT, shard_bytes=1)
    component = open_variant(weights, WEIGHTS.get_variant("fp8"))
    assert WEIGHT in {name for name, _ in component.tensors()}
    assert len(component.files) > len(list(component.tensors()))


@pytest.mark.parametrize(
    ("variant", "precision"), [("lightx2v", "bf16"), ("lightx2v", "int8"), ("lightx2v-fp8", "fp8")]
)
def test_a_lora_that_was_added_before_is_that_of_adding_it_at_load(
    weights: Path, make_scene: MakeScene, variant: str, precision: str
) -> None:
    stored = load(weights, "bf16")
    list(stored.generate(make_scene(1.1, "turbo"), ignore))
    added = read_values(stored)[WEIGHT].float()
    prepare_variant(weights, WEIGHTS.get_variant(variant), LAYOUT)
    lora = weights / "loras/lightx2v/lora.safetensors"
    lora.write_bytes(b"not read any more".ljust(lora.stat().st_size))
    engine = load(weights, precision)
    plain = read_values(engine)
    list(engine.generate(make_scene(1.1, "turbo"), ignore))
    error = (read_values(engine)[WEIGHT].float() - added).norm() / added.norm()
    assert error < {"bf16": 1e-9, "int8": 1e-2, "fp8": 4e-2}[precision]
    list(engine.generate(make_scene(1.1), ignore))
    assert all(torch.equal(values, plain[name]) for name, values in read_values(engine).items())


def test_a_variant_has_a_table_of_contents_and_is_written_once(weights: Path) -> None:
    prepare_variant(weights, WEIGHTS.get_variant("lightx2v-fp8"), LAYOUT)
    folder = weights / "variants/lightx2v-fp8"
    check_files(folder, with_checksums=True)
    assert "loras/lightx2v/lora.safetensors" in read_manifest(folder).sources
    written = (folder / MANIFEST).stat().st_mtime_ns
    prepare_variant(weights, WEIGHTS.get_variant("lightx2v-fp8"), LAYOUT)
    assert (folder / MANIFEST).stat().st_mtime_ns == written


def test_a_variant_that_fails_leaves_nothing(weights: Path) -> None:
    with pytest.raises(WeightsError, match="loras/fusionix"):
        prepare_variant(weights, WEIGHTS.get_variant("fusionix-fp8"), LAYOUT)
    next((weights / "transformer").glob("*.safetensors")).write_bytes(b"cut off")
    with pytest.raises(WeightsError):
        prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT)
    assert not (weights / "variants").exists() or not list((weights / "variants").iterdir())


def test_a_variant_that_lost_a_scale_is_refused(weights: Path) -> None:
    prepare_variant(weights, WEIGHTS.get_variant("fp8"), LAYOUT)
    path = weights / "variants/fp8/transformer/model-00001.safetensors"
    tensors = dict(read_tensors(path))
    size = path.stat().st_size
    del tensors[f"{WEIGHT}_scale"]
    save_file(tensors, path)
    manifest = weights / "variants/fp8" / MANIFEST
    manifest.write_text(manifest.read_text().replace(str(size), str(path.stat().st_size)))
    with pytest.raises(WeightsError, match=WEIGHT):
        load(weights)


def test_names_the_variants_that_there_are() -> None:
    assert set(WEIGHTS.variants) == {"fp8", "fusionix", "fusionix-fp8", "lightx2v", "lightx2v-fp8"}
    with pytest.raises(WeightsError, match=r"fp8, fusionix, .* got 'fp4'"):
        WEIGHTS.get_variant("fp4")


def test_a_variant_of_another_lora_than_is_there_is_refused(weights: Path) -> None:
    variant = WEIGHTS.get_variant("lightx2v")
    prepare_variant(weights, variant, LAYOUT)
    assert open_variant(weights, variant) is not None
    save_file({"diffusion_model.blocks.0.ffn.0.diff": torch.ones(32, 24)}, weights / "loras/lightx2v/lora.safetensors")
    with pytest.raises(WeightsError, match=r"another file than .*variants/lightx2v was made from"):
        open_variant(weights, variant)
