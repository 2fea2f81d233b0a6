"""A photo's own credentials, kept apart from the photo, for the video that is made of it."""

import io
from dataclasses import dataclass
from pathlib import Path

from pipeline.credentials.kinds import find_kind, may_have_credentials
from pipeline.credentials.manifest import OFFLINE, PHOTO, describe_photo

_SYNTHETIC = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
    "algorithmicMedia",
)
"""The IPTC's names of sources of pictures that no camera took."""
MAX_ARCHIVE_BYTES = 2_000_000
"""What a photo brings along is added to each video that is made of it."""


@dataclass(frozen=True)
class PhotoCredentials:
    """What a photo says of itself.

    Attributes:
        archive: Its credentials for `sign`; None where there is too much of them.
        is_synthetic: They say that a computer made the photo, or part of it. Whether that is true is not checked.
    """

    archive: bytes | None
    is_synthetic: bool


def read_photo_credentials(photo: Path) -> PhotoCredentials | None:
    """Return the credentials of a photo; None where it has none that can be read.

    Raises:
        OSError: The photo cannot be read.
    """
    kind = find_kind(photo)
    if kind is None or not may_have_credentials(photo):
        return None
    from c2pa import Builder, C2paError, Context, Reader, Settings

    context, archive = Context(Settings.from_dict(OFFLINE)), io.BytesIO()
    try:
        with photo.open("rb") as file, Builder({}, context) as builder:
            reader = Reader.try_create(kind, file, None, context)
            if reader is None:
                return None
            with reader:
                about = reader.json()
            is_synthetic = any(f"digitalsourcetype/{name}" in about for name in _SYNTHETIC)
            file.seek(0)
            builder.add_ingredient(describe_photo(), kind, file)
            builder.write_ingredient_archive(PHOTO, archive)
    except C2paError:
        return None
    return PhotoCredentials(archive.getvalue() if archive.tell() <= MAX_ARCHIVE_BYTES else None, is_synthetic)
