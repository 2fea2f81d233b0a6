"""The folder that an engine loads its weights from. Knows no torch: the web app looks at it too."""

from pathlib import Path

from pipeline.infinitetalk.manifest import MANIFEST


def is_prepared(folder: Path) -> bool:
    """Say whether the folder is complete."""
    return (folder / MANIFEST).is_file()
