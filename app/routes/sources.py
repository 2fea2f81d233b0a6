"""Files that a request names instead of sending them: uploads by their ids, and files of other servers by address."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from fastapi import Request
from pydantic import BaseModel

from app.callers import find_caller
from app.errors import BodyError, UploadNotFoundError, UploadsFullError
from app.outbound import fetch_public
from app.quota import ByteQuota
from app.routes.base64_file import Base64Field
from app.routes.dependencies import find_quota
from app.settings import Settings
from app.uploads import UploadShelf
from pipeline.notices import Field
from pipeline.request import Role

FileName = Literal["image", "audio"]

FILES: Mapping[Base64Field, FileName] = {"image_b64": "image", "audio_b64": "audio"}
"""The JSON fields that carry files, and the names of the same files in a form."""
WAYS = {"image": ("image_id", "image_url"), "audio": ("audio_id", "audio_url")}
"""The fields that name a file which the request does not carry."""
_FETCH_SECONDS = 60.0
_KINDS = {"image": ("a photo", {"image"}), "audio": ("a recording or a video with sound", {"audio", "video"})}


@dataclass(frozen=True)
class Source:
    """Where a file comes from that a request does not carry.

    Attributes:
        field: The request's field that names it.
        value: The id of an upload, or an address.
    """

    field: str
    value: str

    @property
    def name(self) -> FileName:
        """What the file is to be."""
        return "image" if self.field.startswith("image") else "audio"

    @property
    def is_url(self) -> bool:
        """Whether it is fetched from elsewhere."""
        return self.field.endswith("_url")


def find_source(body: BaseModel, name: FileName, carried: str | None) -> Source | None:
    """Return where a file comes from; None where the request carries it, or has none.

    Args:
        body: What was sent besides files.
        name: The file.
        carried: The field that carries the file; None where none does.

    Raises:
        BodyError: It comes in two ways.
    """
    named = [Source(field, value) for field in WAYS[name] if (value := getattr(body, field, None)) is not None]
    ways = [*([carried] if carried else ()), *(source.field for source in named)]
    if len(ways) > 1:
        raise BodyError(f"{ways[0]} and {ways[1]} were both sent. Send the file in one of these ways.", ways[1])
    return named[0] if named else None


def explain_missing(field: str) -> BodyError:
    """Return the error of a body without a file that it has to have."""
    return BodyError(
        f"{field} is missing. Send the file, or name it: {' or '.join(WAYS[field.partition('_')[0]])}.", field
    )


async def place_sources(request: Request, sources: Mapping[Role, Source], folder: Path) -> None:
    """Put the files that a request names into its folder, under their roles.

    Raises:
        BodyError: There is no such upload, or it is something else.
        InputError: It cannot be fetched.
        UploadsFullError: The client, or all clients together, have too many bytes on the disk.
    """
    for role, source in sources.items():
        if source.is_url:
            await _fetch(request, source, folder / role)
        else:
            await _borrow(request, source, folder / role)


def count_bytes(quota: ByteQuota, client: str, folder: Path, num_bytes: int) -> None:
    """Count bytes that have arrived, before they are written.

    Raises:
        UploadsFullError: The client, or all clients together, have too many on the disk.
    """
    quota.add(folder, client, num_bytes)
    match quota.find_excess(client):
        case "client":
            raise UploadsFullError(quota.client_bytes, is_share=True)
        case "total":
            raise UploadsFullError(quota.total_bytes, is_share=False)


def check_kind(field: str, name: FileName, kind: str) -> None:
    """Check that an upload can be what a request wants it to be.

    Raises:
        BodyError: It cannot.
    """
    wanted, kinds = _KINDS[name]
    if kind not in kinds:
        raise BodyError(f"{field}: Expected {wanted}, but this upload is of kind {kind}.", field)


async def _borrow(request: Request, source: Source, target: Path) -> None:
    shelf: UploadShelf = request.app.state.uploads
    caller = find_caller(request.scope)
    try:
        upload = shelf.find(source.value, caller)
        check_kind(source.field, source.name, upload.kind)
        await shelf.lend(upload, target, partial(count_bytes, find_quota(request), caller.turn, target.parent))
    except UploadNotFoundError as error:
        raise BodyError(f"{source.field}: {error}", source.field) from None


async def _fetch(request: Request, source: Source, target: Path) -> None:
    """Fetch a file; the most that it may have counts until it is there, and then what it has."""
    settings: Settings = request.app.state.settings
    limit = settings.max_photo_bytes if source.name == "image" else settings.max_voice_bytes
    quota, client = find_quota(request), find_caller(request.scope).turn
    about: Field = "image_url" if source.name == "image" else "audio_url"
    try:
        count_bytes(quota, client, target.parent, limit)
        hosts = settings.webhook_hosts
        await fetch_public(source.value, target, limit, _FETCH_SECONDS, about=about, allowed_hosts=hosts)
    finally:
        _count_arrived(quota, client, target, limit)


def _count_arrived(quota: ByteQuota, client: str, target: Path, limit: int) -> None:
    num_bytes = target.stat().st_size if target.exists() else 0
    quota.add(target.parent, client, num_bytes - limit)
