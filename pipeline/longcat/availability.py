"""Whether a folder has LongCat's weights, without importing torch."""

import json
from pathlib import Path
from typing import Any

from pipeline.weights.manifest import is_prepared

RELEASED_FOLDERS = ("avatar", "LongCat-Video-Avatar-1.5", "LongCat-Video-Avatar")
AUDIO_OF_1_0 = "chinese-wav2vec2-base"
CLASS_NAME = "LongCatTransformer"
"""In the config of a prepared transformer: whose it is."""


def has_weights(folder: Path) -> bool:
    """Say whether released or prepared files of the model are there, whole or not."""
    if not is_prepared(folder):
        return any((folder / name).is_dir() for name in RELEASED_FOLDERS)
    return _read_config(folder / "transformer").get("_class_name") == CLASS_NAME


def has_profiles(folder: Path) -> bool:
    """Say whether profiles are for these weights: there are none for version 1.0, which hears wav2vec2."""
    if is_prepared(folder):
        return _read_config(folder / "audio_encoder").get("model_type") != "wav2vec2"
    return not any((folder / name / AUDIO_OF_1_0).is_dir() for name in RELEASED_FOLDERS)


def _read_config(component: Path) -> dict[str, Any]:
    try:
        config = json.loads((component / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}
