"""Weights from released files and from a prepared folder: complete, checked, and never half written."""

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import WeightsError
from pipeline.infinitetalk.checkpoint import LAYOUT, TEXT_ENCODER_FILE
from pipeline.weights.__main__ import main
from pipeline.weights.checkpoint import open_checkpoint
from pipeline.weights.loading import load_component
from pipeline.weights.manifest import MANIFEST, check_files, read_manifest
from pipeline.weights.prepare import prepare
from tests.tiny_checkpoint import write_tiny_checkpoint

ADAPTER = Path("adapter/single/infinitetalk.safetensors")
PEOPLE_ADAPTER = Path("adapter/multi/infinitetalk.safetensors")
SHARD = Path("base/transformer/diffusion_pytorch_model-00002-of-00002.safetensors")
CPU = torch.device("cpu")

Damage = Callable[[Path], None]


def load(folder: Path, name: str) -> dict[str, torch.Tensor]:
    component = open_checkpoint(folder, LAYOUT).components[name]
    return load_component(component, CPU, lambda _: None).state_dict()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("original"), "original")


@pytest.fixture
def damaged(released: Path, tmp_path: Path) -> Path:
    return shutil.copytree(released, tmp_path / "released")


@pytest.mark.parametrize("name", ["transformer", "text_encoder", "image_encoder", "audio_encoder"])
def test_both_layouts_give_the_same_weights(released: Path, original: Path, name: str) -> None:
    ours, theirs = load(released, name), load(original, name)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


@pytest.mark.parametrize("name", ["transformer", "text_encoder", "image_encoder", "vae", "audio_encoder"])
def test_prepared_weights_are_the_released_ones(released: Path, prepared: Path, name: str) -> None:
    ours, theirs = load(prepared, name), load(released, name)
    assert {key: tensor.dtype for key, tensor in ours.items()} == {key: tensor.dtype for key, tensor in theirs.items()}
    assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


def test_original_vae_is_read_under_its_own_names(original: Path, tmp_path: Path) -> None:
    prepare(original, tmp_path / "prepared", LAYOUT)
    assert load(tmp_path / "prepared", "vae").keys() == load(original, "vae").keys()


def test_large_weights_are_bf16_and_delicate_ones_fp32(prepared: Path) -> None:
    weights = load(prepared, "transformer")
    assert weights["blocks.0.attn1.to_q.weight"].dtype == torch.bfloat16
    assert weights["blocks.0.norm_audio.weight"].dtype == torch.float32
    assert weights["condition_embedder.time_embedder.linear_1.weight"].dtype == torch.float32
    assert load(prepared, "vae")["quant_conv.weight"].dtype == torch.float32


def cut_off(folder: Path) -> None:
    path = folder / ADAPTER
    path.write_bytes(path.read_bytes()[:-100])


def break_header(folder: Path) -> None:
    (folder / ADAPTER).write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00this is no json!")


def lose_shard(folder: Path) -> None:
    (folder / SHARD).unlink()


def change_adapter(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / ADAPTER)
    change(tensors)
    save_file(tensors, folder / ADAPTER)


def lose_tensor(folder: Path) -> None:
    change_adapter(folder, lambda tensors: tensors.pop("blocks.1.norm_x.bias"))


def add_tensor(folder: Path) -> None:
    change_adapter(folder, lambda tensors: tensors.update({"blocks.9.norm_x.bias": torch.zeros(24)}))


def reshape_tensor(folder: Path) -> None:
    change_adapter(folder, lambda tensors: tensors.update({"blocks.1.norm_x.bias": torch.zeros(23)}))


def take_other_audio_encoder(folder: Path) -> None:
    path = folder / "audio_encoder/config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 3}))


def lose_config(folder: Path) -> None:
    (folder / "base/vae/config.json").unlink()


def lose_adapter(folder: Path) -> None:
    shutil.rmtree(folder / "adapter")


def lose_tokenizer(folder: Path) -> None:
    shutil.rmtree(folder / "base/tokenizer")


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (cut_off, [r"is cut off", r"infinitetalk\.safetensors", r"expected \S+ to end at byte \d+"]),
        (break_header, [r"infinitetalk\.safetensors", "header is broken"]),
        (lose_shard, [r"00002-of-00002\.safetensors", "no such file"]),
        (lose_tensor, [r"blocks\.1\.norm_audio\.bias", r"infinitetalk\.safetensors"]),
        (add_tensor, [r"blocks\.9\.norm_x\.bias", r"infinitetalk\.safetensors", "no place"]),
        (reshape_tensor, [r"blocks\.1\.norm_x\.bias", r"\(24,\)", r"\(23,\)", r"infinitetalk\.safetensors"]),
        (take_other_audio_encoder, ["3 x 16", "got one for 32"]),
        (lose_config, [r"vae/config\.json"]),
        (lose_adapter, ["adapter"]),
        (lose_tokenizer, ["tokenizer"]),
    ],
)
def test_damaged_files_are_named_and_nothing_is_left_behind(
    damaged: Path, tmp_path: Path, damage: Damage, named: list[str]
) -> None:
    damage(damaged)
    with pytest.raises(WeightsError) as raised:
        prepare(damaged, tmp_path / "prepared", LAYOUT)
    for pattern in named:
        assert raised.match(pattern)
    assert [path.name for path in tmp_path.iterdir()] == ["released"]


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run while reading",)


def test_pickles_are_read_as_tensors_only(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(original, tmp_path / "original")
    (folder / "base" / TEXT_ENCODER_FILE).write_bytes(pickle.dumps(Malicious()))
    with pytest.raises(WeightsError, match="models_t5"):
        open_checkpoint(folder, LAYOUT)
    assert "run while reading" not in capsys.readouterr().out


def test_prepared_folder_has_a_table_of_contents(prepared: Path) -> None:
    manifest = read_manifest(prepared)
    assert str(ADAPTER) in manifest.sources
    assert {file.path for file in manifest.files} == {
        str(path.relative_to(prepared))
        for path in prepared.rglob("*")
        if path.is_file() and path.name != MANIFEST and "overlays" not in path.parts
    }
    check_files(prepared, with_checksums=True)
    overlay = read_manifest(prepared / "overlays/multi")
    assert list(overlay.sources) == [str(PEOPLE_ADAPTER)]
    check_files(prepared / "overlays/multi", with_checksums=True)


def test_a_change_of_one_byte_is_found(prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared, tmp_path / "prepared", LAYOUT)
    path = folder / "vae/model-00001.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"vae/model-00001\.safetensors has changed"):
        check_files(folder, with_checksums=True)


def test_a_prepared_folder_that_lost_bytes_is_refused(prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared, tmp_path / "prepared", LAYOUT)
    path = folder / "transformer/model-00001.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"transformer/model-00001\.safetensors"):
        open_checkpoint(folder, LAYOUT)


def test_shards_stay_below_their_size(released: Path, tmp_path: Path) -> None:
    prepare(released, tmp_path / "prepared", LAYOUT, shard_bytes=100_000)
    shards = sorted((tmp_path / "prepared/image_encoder").glob("*.safetensors"))
    assert len(shards) > 1
    assert load(tmp_path / "prepared", "image_encoder").keys() == load(released, "image_encoder").keys()


def test_command_prepares_once_and_says_what_is_wrong(released: Path, damaged: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "infinitetalk" / MANIFEST
    assert main([str(tmp_path), "--released", str(released), "--verify"]) == 0
    written = manifest.stat().st_mtime_ns
    assert main([str(tmp_path), "--released", str(released)]) == 0
    assert manifest.stat().st_mtime_ns == written
    assert released.is_dir()
    lose_shard(damaged)
    assert main([str(tmp_path / "other"), "--released", str(damaged)]) == 1


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_table_of_another_version_is_refused(prepared: Path, tmp_path: Path, version: object) -> None:
    table = json.loads((prepared / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(table | {"format": version}))
    with pytest.raises(WeightsError, match="Expected version 1"):
        read_manifest(tmp_path)
