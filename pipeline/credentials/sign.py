"""Sign a finished video and its poster."""

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.credentials.keys import Identity
from pipeline.credentials.kinds import find_kind
from pipeline.credentials.manifest import OFFLINE, Making, describe_manifest
from pipeline.errors import SigningError

if TYPE_CHECKING:
    from c2pa import C2paSignerInfo

_TITLES = {"video/mp4": "Talking video", "image/jpeg": "Still of a talking video"}


def sign(
    path: Path, making: Making, identity: Identity, archive: bytes | None = None, time_stamp_url: str | None = None
) -> None:
    """Replace a file by one with credentials; if something fails, it stays as it is.

    Args:
        path: An mp4 whose index comes first, or a JPEG.
        making: How it was made.
        identity: Signs it.
        archive: Of `read_photo_credentials`; one that cannot be used is left out.
        time_stamp_url: A service (RFC 3161) that confirms the time.

    Raises:
        SigningError: It cannot be signed.
    """
    from c2pa import C2paError, C2paSignerInfo

    about = C2paSignerInfo(identity.algorithm, identity.chain.encode(), identity.key.encode(), time_stamp_url)
    partial = find_partial(path)
    try:
        try:
            _write(path, partial, making, about, archive)
        except C2paError:
            if archive is None:
                raise
            _write(path, partial, making, about, None)
        partial.replace(path)
    except C2paError as error:
        # Not the message: it may quote the photo's credentials.
        raise SigningError(f"{path.name} could not be signed ({type(error).__name__.lstrip('_')}).") from None
    except OSError as error:
        raise SigningError(f"{path.name} could not be signed: {error.strerror}.") from None
    finally:
        partial.unlink(missing_ok=True)


def find_partial(path: Path) -> Path:
    """Return where `sign` writes before it replaces a file: a process that is killed leaves it."""
    return path.with_name(f"{path.name}.signed")


def _write(path: Path, target: Path, making: Making, about: "C2paSignerInfo", archive: bytes | None) -> None:
    from c2pa import Builder, Context, Settings, Signer

    kind = find_kind(path) or ""
    definition = describe_manifest(making, _TITLES.get(kind, "Talking video"), has_archive=archive is not None)
    with (
        Signer.from_info(about) as signer,
        Builder(definition, Context(Settings.from_dict(OFFLINE))) as builder,
        path.open("rb") as source,
        target.open("w+b") as file,
    ):
        if archive is not None:
            builder.add_ingredient_from_archive(io.BytesIO(archive))
        builder.sign(signer, kind, source, file)
        file.flush()
        os.fsync(file.fileno())
