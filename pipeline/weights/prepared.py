"""The folder that an engine loads its weights from."""

from pathlib import Path

MANIFEST = "manifest.json"


def is_prepared(folder: Path) -> bool:
    """Say whether the folder is complete: its manifest is written last."""
    return (folder / MANIFEST).is_file()
