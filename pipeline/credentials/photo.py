"""A photo's own credentials, kept apart from the photo, for the video that is made of it."""

import io
from pathlib import Path

from pipeline.credentials.kinds import find_kind, may_have_credentials
from pipeline.credentials.manifest import OFFLINE, PHOTO, describe_photo

MAX_ARCHIVE_BYTES = 2_000_000
"""What a photo brings along is added to each video that is made of it."""


def read_own_credentials(photo: Path) -> bytes | None:
    """Return the credentials of a photo as an archive for `sign`; None where it has none that can be kept.

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
            reader.close()
            file.seek(0)
            builder.add_ingredient(describe_photo(), kind, file)
            builder.write_ingredient_archive(PHOTO, archive)
    except C2paError:
        return None
    return archive.getvalue() if archive.tell() <= MAX_ARCHIVE_BYTES else None
