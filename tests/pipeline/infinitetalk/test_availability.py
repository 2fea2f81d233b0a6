"""Whether a machine can run the model is said in one sentence, without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.engine import EngineSettings
from pipeline.engines import PROFILES, find_availability
from pipeline.errors import EngineUnavailableError
from pipeline.infinitetalk.engine import InfiniteTalkEngine


@pytest.mark.parametrize("profile", ["fast", "low_vram", "balanced", "quality"])
def test_missing_weights_are_named(profile: str) -> None:
    availability = find_availability(PROFILES[profile], EngineSettings(device="cpu"))
    assert not availability.available
    assert "weights" in availability.reason


@pytest.mark.parametrize("visible", ["", "-1"])
def test_a_missing_gpu_is_named(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr("pipeline.diffusion.availability.DEVICES", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    availability = find_availability(PROFILES["fast"], EngineSettings(prepared))
    assert not availability.available
    assert "GPU" in availability.reason


@pytest.mark.parametrize("name", ["nvidia0", "nvidia3", "dxg"])
def test_any_gpu_will_do(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).touch()
    monkeypatch.setattr("pipeline.diffusion.availability.DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert find_availability(PROFILES["fast"], EngineSettings(prepared)).available


@pytest.mark.parametrize(
    ("device", "visible", "num_gpus", "found"),
    [("auto", None, 2, 2), ("auto", None, 3, 2), ("cuda:1", None, 2, 1), ("auto", "1", 2, 1)],
)
def test_too_few_gpus_are_counted(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    visible: str,
    num_gpus: int,
    found: int,
) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl"):
        (tmp_path / name).touch()
    monkeypatch.setattr("pipeline.diffusion.availability.DEVICES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    availability = find_availability(PROFILES["fast"], EngineSettings(prepared, device, num_gpus=num_gpus))
    assert availability.available == (found >= num_gpus)
    assert availability.available or f"needs {num_gpus} GPUs by its settings, but {found} are" in availability.reason


@pytest.mark.parametrize("folder", ["prepared", "released"])
def test_weights_and_a_device_are_enough(folder: str, request: pytest.FixtureRequest) -> None:
    settings = EngineSettings(request.getfixturevalue(folder), "cpu")
    assert find_availability(PROFILES["fast"], settings).available


def test_loading_without_weights_says_so() -> None:
    with pytest.raises(EngineUnavailableError, match="weights"):
        InfiniteTalkEngine(EngineSettings(device="cpu")).load(lambda _: None)


def test_asking_brings_in_no_torch() -> None:
    code = (
        "import sys; from pipeline.engine import EngineSettings; from pipeline.engines import find_availability; "
        "from pipeline.engines import PROFILES; find_availability(PROFILES['fast'], EngineSettings()); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
