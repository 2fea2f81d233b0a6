"""Whether a folder has LongCat's weights, without importing torch."""

import json
from pathlib import Path

from pipeline.weights.manifest import is_prepared

RELEASED_FOLDERS = ("avatar", "LongCat-Video-Avatar-1.5", "LongCat-Video-Avatar")
CLASS_NAME = "LongCatTransformer"
"""In the config of a prepared transformer: whose it is."""


def has_weights(folder: Path) -> bool:
    """Say whether released or prepared files of the model are there, whole or not."""
    if not is_prepared(folder):
        return any((folder / name).is_dir() for name in RELEASED_FOLDERS)
    try:
        config = json.loads((folder / "transformer/config.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and config.get("_class_name") == CLASS_NAME
