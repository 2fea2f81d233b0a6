"""Reads the bodies of requests: checked against a limit while they arrive, never taken on trust."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, move_on_after, open_file, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.errors import BodyError, BodyTooLargeError, MediaTypeError
from app.routes.base64_file import Base64Field, write_base64
from app.settings import MEGABYTE

AnyBody = TypeVar("AnyBody", bound=BaseModel)

FILES: Mapping[Base64Field, str] = {"image_b64": "image", "audio_b64": "audio"}
"""The fields of JSON that carry files, and the form's names for the same."""

SMALL_BODY_BYTES = 100_000
_BASE64_GROWTH = 1.4
"""Base64 with line breaks is as much larger than its bytes."""

_DRAINED_BYTES = 32_000_000
_DRAIN_SECONDS = 5

_UNPACKING = CapacityLimiter(1)
"""JSON is in memory twice while its files are taken out: one at a time, whoever else waits."""

_MAX_FIELDS = 24
_MAX_PARTS = 10_000
"""Of JSON. Base64 has none, but a prompt may have commas."""
_MAX_MESSAGE_CHARACTERS = 200


async def read_json(request: Request, model: type[AnyBody], limit_bytes: int = SMALL_BODY_BYTES) -> AnyBody:
    """Read a JSON body.

    Raises:
        BodyError: It is too large, no JSON, or does not fit the model.
    """
    if _media_type(request) != "application/json":
        raise MediaTypeError("Expected a body of content type application/json.")
    body = bytearray()
    async for chunk in (await _limit(request, limit_bytes)).stream():
        body += chunk
    return await to_thread.run_sync(_parse_json, body, model)


async def read_files(
    request: Request, folder: Path, body: type[AnyBody], options: type[AnyBody], limit_bytes: int
) -> AnyBody:
    """Read options and files, from JSON with base64 or from a multipart form, and write the files into the folder.

    Args:
        request: Of either content type.
        folder: Each file gets the form's name for it, such as `image`.
        body: What JSON has to look like; its fields named in `FILES` become files.
        options: What the form's other fields have to look like.
        limit_bytes: What the files may have together.

    Returns:
        The options; where they came as JSON, the fields of files are empty.

    Raises:
        BodyError: It cannot be read.
    """
    fields = [field for field in FILES if field in body.model_fields]
    kind = _media_type(request)
    if kind == "application/json":
        packed = folder / "json"
        await _keep_body(request, packed, round(limit_bytes * _BASE64_GROWTH) + SMALL_BODY_BYTES)
        return await to_thread.run_sync(_unpack_json, packed, body, fields, limiter=_UNPACKING)
    if kind != "multipart/form-data":
        raise MediaTypeError("Expected a body of content type application/json or multipart/form-data.")
    limited = await _limit(request, limit_bytes + SMALL_BODY_BYTES)
    names = [FILES[field] for field in fields]
    form_reader = limited.form(max_files=len(names), max_fields=_MAX_FIELDS, max_part_size=SMALL_BODY_BYTES)
    try:
        async with form_reader as form:
            return await to_thread.run_sync(_parse_form, form, folder, names, options)
    except HTTPException as error:
        reason = f"{error.detail} Send {' and '.join(names)} as files of a form, each once."
        raise BodyError(f"The form cannot be read: {reason}") from None


async def _keep_body(request: Request, path: Path, limit_bytes: int) -> None:
    """Write the body to a file: many that arrive at the same time would fill the memory."""
    async with await open_file(path, "wb") as file:
        async for chunk in (await _limit(request, limit_bytes)).stream():
            await file.write(chunk)


def _media_type(request: Request) -> str:
    if encoding := request.headers.get("content-encoding"):
        raise MediaTypeError(f"Expected a body as it is, got content encoding {_shorten(encoding)!r}.")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _limit(request: Request, limit_bytes: int) -> Request:
    """Return the request with a body that raises as soon as it has too many bytes."""
    message = f"The request has more than {limit_bytes / MEGABYTE:g} MB, the most that is accepted. Send smaller files."
    if int(request.headers.get("content-length", 0)) > limit_bytes:
        await _drain(request)
        raise BodyTooLargeError(message)
    num_bytes = 0

    async def receive() -> Message:
        nonlocal num_bytes
        part = await request.receive()
        num_bytes += len(part.get("body", b""))
        if num_bytes > limit_bytes:
            await _drain(request)
            raise BodyTooLargeError(message)
        return part

    return Request(request.scope, receive)


async def _drain(request: Request) -> None:
    """Take and forget some more of the body: clients that still send would otherwise not read the answer."""
    if "expect" in request.headers:
        return  # it waits for a word before it sends
    num_bytes = 0
    with move_on_after(_DRAIN_SECONDS):
        while num_bytes < _DRAINED_BYTES:
            part = await request.receive()
            num_bytes += len(part.get("body", b""))
            if not part.get("more_body"):
                return


def _unpack_json(packed: Path, model: type[AnyBody], fields: list[Base64Field]) -> AnyBody:
    """Write the files beside the JSON that they came in, and leave nothing of them in memory."""
    parsed = _parse_json(packed.read_bytes(), model)
    packed.unlink()
    for field in fields:
        write_base64(getattr(parsed, field), field, packed.with_name(FILES[field]))
    return parsed.model_copy(update=dict.fromkeys(fields, ""))


def _parse_json(body: bytes | bytearray, model: type[AnyBody]) -> AnyBody:
    # Counted before it is parsed: in memory, two bytes of JSON may become more than two hundred.
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_PARTS:
        raise BodyError("The body has too many parts. Send each known field at most once.")
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _explain(error, model) from None


def _parse_form(form: FormData, folder: Path, names: list[str], model: type[AnyBody]) -> AnyBody:
    texts: dict[str, Any] = {}
    for name, value in form.multi_items():
        if len(form.getlist(name)) > 1:
            raise BodyError(f"{_shorten(name)!r} was sent more than once. Send each field once.", _shorten(name))
        if isinstance(value, str):
            texts |= {name: value} if value else {}
        elif name in names:
            _write_upload(value, folder / name)
        else:
            known = ", ".join(names)
            raise BodyError(f"There is no file field {_shorten(name)!r}. Known are: {known}.", _shorten(name))
    for name in names:
        if not (folder / name).exists():
            raise BodyError(f"{name} is missing. Send it as a file of the form.", name)
    try:
        return model.model_validate(_parse_crop(texts))
    except ValidationError as error:
        raise _explain(error, model) from None


def _parse_crop(texts: dict[str, Any]) -> dict[str, Any]:
    """Replace the one field of a form that is JSON."""
    if "crop" not in texts:
        return texts
    try:
        return texts | {"crop": from_json(texts["crop"], allow_inf_nan=False)}
    except ValueError:
        raise BodyError('crop is not JSON. Expected for example {"zoom": 1.5}.', "crop") from None


def _write_upload(upload: UploadFile, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(upload.file, file)


def _explain(error: ValidationError, model: type[BaseModel]) -> BodyError:
    """Tell the first thing that does not fit."""
    detail = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, detail["loc"]))
    if not place:
        return BodyError(f"The body cannot be read as a JSON object: {_shorten(detail['msg'])}.")
    return BodyError(f"{_shorten(place)}: {_explain_detail(detail, model)}", _shorten(place.partition(".")[0]))


def _explain_detail(detail: ErrorDetails, model: type[BaseModel]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            return f"There is no such field. Known are: {', '.join(model.model_fields)}."
        case "missing":
            return "It is missing, but needed."
        case _:
            return f"{_shorten(detail['msg'])}."


def _shorten(message: str) -> str:
    return message[:_MAX_MESSAGE_CHARACTERS]
