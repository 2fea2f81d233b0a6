"""Where the LoRAs are: one folder each, `loras/NAME`, beside the models. Knows no torch: the web app looks too."""

from pathlib import Path

from pipeline.errors import WeightsError

LORA_FOLDER = "loras"


def has_lora(weights: Path, name: str) -> bool:
    """Say whether there is a file."""
    return any((weights / LORA_FOLDER / name).rglob("*.safetensors"))


def find_lora(weights: Path, name: str) -> Path:
    """Return the LoRA's file.

    Raises:
        WeightsError: There is none, or more than one.
    """
    folder = weights / LORA_FOLDER / name
    files = sorted(folder.rglob("*.safetensors"))
    if len(files) != 1:
        raise WeightsError(f"Expected one LoRA file (.safetensors) in {folder}, got {len(files)}. Put it there.")
    return files[0]
