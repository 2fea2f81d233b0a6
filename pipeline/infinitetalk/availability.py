"""Whether a folder has InfiniteTalk's weights, without importing torch."""

from pathlib import Path

from pipeline.weights.manifest import is_prepared

RELEASED_FOLDERS = ("adapter", "InfiniteTalk")
# Of the engines, only this one has a model that looks at the photo.
OWN_COMPONENT = "image_encoder"


def has_weights(folder: Path) -> bool:
    """Say whether released or prepared files of the model are there, whole or not."""
    if is_prepared(folder):
        return (folder / OWN_COMPONENT).is_dir()
    return any((folder / name).is_dir() for name in RELEASED_FOLDERS)
