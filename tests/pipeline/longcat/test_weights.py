"""Weights from released files: known by their keys, complete, checked, and never half written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file, save_file

from pipeline.engine import EngineSettings
from pipeline.engines import PROFILES, find_availability
from pipeline.errors import WeightsError
from pipeline.longcat.checkpoint import LAYOUT
from pipeline.longcat.weights import RELEASES, WEIGHTS
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.install import install
from pipeline.weights.loading import load_component
from pipeline.weights.prepare import prepare
from pipeline.weights.variants import prepare_variant
from tests.fake_hub import FakeHub
from tests.tiny_longcat import LORA_FILE
from tests.tiny_longcat import RELEASES as TINY_RELEASES

CPU = torch.device("cpu")
Damage = Callable[[Path], None]


def load(folder: Path, name: str) -> dict[str, torch.Tensor]:
    component = open_checkpoint(folder, LAYOUT).components[name]
    return load_component(component, CPU, lambda _: None).state_dict()


@pytest.mark.parametrize("release", TINY_RELEASES)
def test_prepared_weights_are_the_released_ones(
    released: dict[str, Path], prepared: dict[str, Path], release: str
) -> None:
    for name in ("transformer", "text_encoder", "vae", "audio_encoder"):
        ours, theirs = load(prepared[release], name), load(released[release], name)
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


def test_every_release_is_known_by_its_keys(prepared: dict[str, Path]) -> None:
    configs = {name: open_checkpoint(one, LAYOUT).components["transformer"].config for name, one in prepared.items()}
    assert [configs[name]["int8"] for name in ("1.5", "1.5-int8", "1.0")] == [False, True, False]
    assert (configs["1.5"]["audio_block"], configs["1.5"]["audio_channel"]) == (2, 16)
    assert (configs["1.5"]["hidden_size"], configs["1.5"]["depth"], configs["1.5"]["num_heads"]) == (24, 2, 2)
    assert list(open_checkpoint(prepared["1.0"], LAYOUT).overlays) == ["multi"]


def test_8_bits_stay_as_they_were_released(released: dict[str, Path], prepared: dict[str, Path]) -> None:
    stored = {
        name: tensor
        for path in (released["1.5-int8"] / "avatar/base_model_int8").glob("*.safetensors")
        for name, tensor in load_file(path).items()
    }
    weights = load(prepared["1.5-int8"], "transformer")
    for leaf, dtype in (("weight_int8", torch.int8), ("weight_scale", torch.float32), ("bias", torch.bfloat16)):
        name = f"blocks.1.attn.qkv.{leaf}"
        assert weights[name].dtype == dtype
        assert torch.equal(weights[name], stored[name])


def change_config(folder: Path, name: str, **values: object) -> None:
    path = folder / "avatar" / name / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_shard(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = next((folder / "avatar/base_model").glob("*00001*.safetensors"))
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def lose_tensor(folder: Path) -> None:
    change_shard(folder, lambda tensors: tensors.pop(min(name for name in tensors if name.startswith("blocks.1."))))


def add_tensor(folder: Path) -> None:
    change_shard(folder, lambda tensors: tensors.update({"blocks.1.attn.gate.weight": torch.zeros(24)}))


def take_another_model(folder: Path) -> None:
    for path in (folder / "avatar/base_model").glob("*.safetensors"):
        save_file({"patch_embedding.weight": torch.zeros(1)}, path)


def lose_whisper(folder: Path) -> None:
    shutil.rmtree(folder / "avatar/whisper-large-v3")


def lose_base(folder: Path) -> None:
    shutil.rmtree(folder / "base")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lose_tensor, r"Expected blocks\.1\..* but it is not there"),
        (add_tensor, r"blocks\.1\.attn\.gate\.weight in .*base_model.* has no place"),
        (take_another_model, r"Expected x_embedder\.proj\.weight in .*base_model"),
        (lambda folder: change_config(folder, "whisper-large-v3", encoder_layers=16), "3 x 16.* got one for 32"),
        (lose_whisper, "Expected a folder whisper-large-v3 or chinese-wav2vec2-base"),
        (lose_base, "Expected a folder base or LongCat-Video"),
    ],
)
def test_damaged_files_are_named_and_nothing_is_left_behind(
    released: dict[str, Path], tmp_path: Path, damage: Damage, named: str
) -> None:
    folder = shutil.copytree(released["1.5"], tmp_path / "released")
    damage(folder)
    with pytest.raises(WeightsError, match=named):
        prepare(folder, tmp_path / "prepared", LAYOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["released"]


def test_a_folder_of_another_model_is_no_folder_of_this_one(prepared: dict[str, Path], tmp_path: Path) -> None:
    weights = EngineSettings(prepared["1.5"], "cpu")
    assert find_availability(PROFILES["longcat"], weights).available
    assert "weights" in find_availability(PROFILES["fast"], weights).reason
    (tmp_path / "longcat").symlink_to(prepared["1.5"])
    assert find_availability(PROFILES["longcat_quality"], EngineSettings(tmp_path, "cpu")).available


def test_the_first_version_has_no_profile(released: dict[str, Path], prepared: dict[str, Path]) -> None:
    for folder in (released["1.0"], prepared["1.0"]):
        found = find_availability(PROFILES["longcat"], EngineSettings(folder, "cpu"))
        assert not found.available
        assert "no profile. Fetch those of 1.5" in found.reason
    with pytest.raises(WeightsError, match=r"got '1\.0'"):
        WEIGHTS.choose_release("1.0")


def test_a_missing_lora_is_named(released: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(released["1.5"], tmp_path / "released")
    (folder / LORA_FILE).unlink()
    assert "loras/dmd" in find_availability(PROFILES["longcat"], EngineSettings(folder, "cpu")).reason


def test_variants_are_made_of_full_precision_alone(prepared: dict[str, Path], tmp_path: Path) -> None:
    weights = shutil.copytree(prepared["1.5"], tmp_path / "longcat")
    prepare_variant(weights, WEIGHTS.get_variant("dmd-fp8"), LAYOUT)
    with pytest.raises(WeightsError, match="holds a release in 8 bits"):
        prepare_variant(prepared["1.5-int8"], WEIGHTS.get_variant("fp8"), LAYOUT)
    assert (weights / "variants/dmd-fp8/manifest.json").is_file()
    with pytest.raises(WeightsError, match="none of a release in 8 bits"):
        WEIGHTS.choose_release("1.5-int8").get_variant("fp8")
    with pytest.raises(WeightsError, match="holds another release of longcat"):
        WEIGHTS.choose_release("1.5-int8").check_release(weights)
    with pytest.raises(WeightsError, match=r"a release of longcat \(1\.5, 1\.5-int8\), got '2'"):
        WEIGHTS.choose_release("2")


@pytest.mark.parametrize(("release", "is_int8"), [("1.5", False), ("1.5-int8", True)])
def test_a_clone_has_all_releases_and_gives_the_one_that_was_asked_for(
    released: dict[str, Path], tmp_path: Path, hub: FakeHub, api: HfApi, release: str, *, is_int8: bool
) -> None:
    clone = shutil.copytree(released["1.5"], tmp_path / "clone")
    shutil.copytree(released["1.5-int8"] / "avatar/base_model_int8", clone / "avatar/base_model_int8")
    spec = WEIGHTS.choose_release(release)
    install(spec, tmp_path, tmp_path / "longcat", api, lambda _: None, released=clone)
    assert open_checkpoint(tmp_path / "longcat", LAYOUT).components["transformer"].config["int8"] == is_int8
    assert not hub.ranges


@pytest.mark.parametrize("release", RELEASES)
def test_fetches_what_a_release_is_made_of_and_no_more(
    released: dict[str, Path], tmp_path: Path, hub: FakeHub, api: HfApi, release: str
) -> None:
    spec = WEIGHTS.choose_release(release)
    hub.release(released[release], spec.sources)
    install(spec, tmp_path, tmp_path / "longcat", api, lambda _: None)
    fetched = {path for path, _ in hub.ranges}
    assert {path.split("/")[0] for path in fetched if "avatar" in path or "base_model" in path} == {
        "1.5": {"base_model"},
        "1.5-int8": {"base_model_int8"},
    }[release]
    assert open_checkpoint(tmp_path / "longcat", LAYOUT).components.keys() == {
        *("transformer", "text_encoder", "vae", "audio_encoder")
    }
