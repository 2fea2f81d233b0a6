"""Whether this machine can run a large model, without importing torch."""

import os
from importlib.util import find_spec
from pathlib import Path

from pipeline.engine import Availability, EngineSettings
from pipeline.weights.lora_files import has_lora

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "pyloudnorm", "ftfy")
# What the driver makes: a file for each GPU, of which a container may have any, or one for all in Windows' Linux.
DEVICES = Path("/dev")
GPU_PATTERN, ALL_GPUS = "nvidia[0-9]*", "dxg"


def check_machine(settings: EngineSettings, weights: Path | None, lora: str | None) -> Availability:
    """Say whether libraries, weights and device are there.

    Args:
        settings: Where engines find what they need.
        weights: The folder of the model's weights; None where there are none.
        lora: The LoRA that the profile needs; None for none.
    """
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        return _unavailable(f"It needs {missing[0]}, which is not installed: pip install -r requirements/model.txt.")
    if weights is None:
        return _unavailable("It needs the model's weights, which are not on this machine.")
    if lora is not None and not has_lora(weights, lora):
        return _unavailable(f"It needs the LoRA {lora}: put its file into loras/{lora} in the weights.")
    if not _has_device(settings.device):
        return _unavailable("It needs an NVIDIA GPU with 80 GB, or a GPU in the cloud: see docs/deploy.md.")
    num_gpus = _count_gpus(settings)
    if num_gpus is not None and num_gpus < settings.num_gpus:
        return _unavailable(f"It needs {settings.num_gpus} GPUs by its settings, but {num_gpus} are there.")
    return Availability(available=True, num_gpus=settings.num_gpus)


def _unavailable(reason: str) -> Availability:
    return Availability(available=False, reason=reason)


def _has_device(device: str) -> bool:
    """Return whether the device is there; `cpu` has to be asked for, since it takes days for a real video."""
    if device == "cpu":
        return True
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in {"", "-1"}
    return not is_hidden and (any(DEVICES.glob(GPU_PATTERN)) or (DEVICES / ALL_GPUS).exists())


def _count_gpus(settings: EngineSettings) -> int | None:
    """Return how many GPUs there are from the first one on, None where that cannot be seen without torch."""
    num_gpus = len(list(DEVICES.glob(GPU_PATTERN)))
    if settings.device == "cpu" or num_gpus == 0:
        return None
    if visible := os.environ.get("CUDA_VISIBLE_DEVICES"):
        num_gpus = len(visible.split(","))
    return num_gpus - int(settings.device.partition(":")[2] or 0)
