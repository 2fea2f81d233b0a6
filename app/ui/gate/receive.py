"""Receives uploads in place of Gradio: counted while they arrive, stored under names that cannot be guessed."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

from gradio.route_utils import GradioMultiPartParser, GradioUploadFile
from gradio_client.utils import strip_invalid_filename_characters  # type: ignore[import-untyped] # ships no types
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Receive, Scope

from app.errors import AppError, BodyError, BodyTooLargeError, MediaTypeError
from app.request_body import RequestBody
from app.settings import MEGABYTE
from app.ui.gate.uploads import Admission, Uploads

_SMALL_BYTES = 100_000
"""Allowance for what a form has besides its files."""

_LONGEST_NAME = 100


async def receive_files(scope: Scope, receive: Receive, uploads: Uploads, visitor: str, client: str) -> list[str]:
    """Read a form of files and return where they are.

    Args:
        scope: Of the request.
        receive: Of the request.
        uploads: Store the files.
        visitor: Who owns them.
        client: Who sends them.

    Raises:
        BodyError: It cannot be read, or is too large.
        UploadLimitError: The client has uploaded too much.
        StorageError: All clients together have, or the disk is full.
    """
    body = RequestBody(scope, receive)
    request = Request(scope, body)
    try:
        _check_head(request, uploads)
        with uploads.admit(visitor, client) as admission:
            return [str(path) for path in await _read(request, uploads, admission)]
    except AppError:
        await body.drain()
        raise


def _check_head(request: Request, uploads: Uploads) -> None:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise MediaTypeError("Expected a body of content type multipart/form-data.")
    length = request.headers.get("content-length", "0")
    limit = uploads.limits.file_bytes * uploads.limits.files_at_once + _SMALL_BYTES
    if not length.isdecimal() or int(length) > limit:
        raise BodyTooLargeError(_describe_limit(uploads))


async def _read(request: Request, uploads: Uploads, admission: Admission) -> list[Path]:
    parser = GradioMultiPartParser(
        request.headers,
        _count(request, admission),  # type: ignore[arg-type] # any iterator does
        max_files=uploads.limits.files_at_once,
        max_fields=0,
        upload_dir=admission.folder,
        max_file_size=uploads.limits.file_bytes,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if "File size" in error.message or "Too many files" in error.message:
            raise BodyTooLargeError(_describe_limit(uploads)) from None
        raise BodyError(f"The form cannot be read: {error.message} Send the files as its fields 'files'.") from None
    files = [file for _, file in form.multi_items() if isinstance(file, GradioUploadFile)]
    if not files:
        raise BodyError("The form has no files. Send them as its fields 'files'.", "files")
    return [_keep(file, admission.folder, number) for number, file in enumerate(files)]


async def _count(request: Request, admission: Admission) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        admission.grow(len(chunk))
        yield chunk


def _keep(file: GradioUploadFile, folder: Path, number: int) -> Path:
    """Give the file its original name, which the page shows, without anything harmful in it."""
    stem, suffix = os.path.splitext(Path(file.filename or "").name)  # noqa: PTH122 - a name, no path
    name = strip_invalid_filename_characters(f"{stem[:_LONGEST_NAME]}{suffix[:20]}").strip(". ")
    kept = folder / (f"{number}-{name}" if number else name or "file")
    file.file.close()
    return Path(file.file.name).rename(kept)


def _describe_limit(uploads: Uploads) -> str:
    limits = uploads.limits
    return (
        f"Expected up to {limits.files_at_once} files in a request, each up to {limits.file_bytes / MEGABYTE:g} MB. "
        "Send fewer or smaller ones."
    )
