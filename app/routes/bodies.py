"""Reads the bodies of requests, checking limits while they arrive: what a client announces is not trusted."""

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, open_file, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.clients import find_client
from app.errors import AppError, BodyError, BodyTooLargeError, MediaTypeError, UploadsFullError
from app.quota import ByteQuota
from app.request_body import RequestBody
from app.routes.base64_file import Base64Field, write_base64
from app.routes.dependencies import find_quota
from app.settings import MEGABYTE
from pipeline.casting import assign_voices
from pipeline.request import MAX_SPEAKERS, VOICE_ROLES, SpeakerRequest

AnyBody = TypeVar("AnyBody", bound=BaseModel)

FILES: Mapping[Base64Field, str] = {"image_b64": "image", "audio_b64": "audio"}
"""The JSON fields that carry files, and the names of the same files in a form."""

SMALL_BODY_BYTES = 100_000
_BASE64_GROWTH = 1.4
"""How much larger base64 with line breaks is than the bytes that it encodes."""

_UNPACKING = CapacityLimiter(1)
"""While files are unpacked from JSON, it is in memory twice; so this is done for one request at a time."""

_MAX_FIELDS = 24
_MAX_PARTS = 10_000
"""In JSON: commas and opening brackets. Base64 has none, but a prompt may."""
_MAX_MESSAGE_CHARACTERS = 200


async def read_json(request: Request, model: type[AnyBody], limit_bytes: int = SMALL_BODY_BYTES) -> AnyBody:
    """Read a JSON body.

    Raises:
        BodyError: It is too large, is not JSON, or does not fit the model.
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
    """Read options and files from JSON with base64, or from a multipart form, and write the files into the folder.

    Args:
        request: With a body of either content type.
        folder: Where the files go, each under its role, such as `image`.
        body: Model of the JSON; its fields named in `FILES` become files.
        options: Model of the form's other fields.
        limit_bytes: Limit of all files together.

    Returns:
        The options. If they came as JSON, the fields that carry files are empty. Speakers name the roles of their
        files.

    Raises:
        BodyError: It cannot be read.
        InputError: The speakers, or their turns, cannot be read, or their files are missing.
        UploadsFullError: The client, or all clients together, have too many bytes on the disk.
    """
    fields = [field for field in FILES if field in body.model_fields]
    count = partial(_count, find_quota(request), find_client(request.scope), folder)
    kind = _media_type(request)
    if kind == "application/json":
        packed = folder / "json"
        await _write_body(await _limit(request, round(limit_bytes * _BASE64_GROWTH) + SMALL_BODY_BYTES, count), packed)
        return await to_thread.run_sync(_unpack_json, packed, body, fields, limiter=_UNPACKING)
    if kind != "multipart/form-data":
        raise MediaTypeError("Expected a body of content type application/json or multipart/form-data.")
    limited = await _limit(request, limit_bytes + SMALL_BODY_BYTES, count)
    names = [FILES[field] for field in fields]
    max_files = len(names) + (MAX_SPEAKERS if "audio" in names else 0)
    form_reader = limited.form(max_files=max_files, max_fields=_MAX_FIELDS, max_part_size=SMALL_BODY_BYTES)
    try:
        async with form_reader as form:
            return await to_thread.run_sync(_parse_form, form, folder, names, options)
    except HTTPException as error:
        reason = f"{error.detail} Send {' and '.join(names)} as files of a form, each once."
        raise BodyError(f"The form cannot be read: {reason}") from None


async def read_upload(request: Request, folder: Path, limits: Mapping[str, int], quota: ByteQuota) -> Path:
    """Read a multipart form with one file, and write it into the folder.

    Args:
        request: With the form.
        folder: Where the file goes, under its name in the form.
        limits: The names that it may have, and how many bytes.
        quota: Counts its bytes.

    Raises:
        BodyError: It cannot be read.
        UploadsFullError: The client, or all clients together, have too many bytes on the disk.
    """
    if _media_type(request) != "multipart/form-data":
        raise MediaTypeError("Expected a body of content type multipart/form-data.")
    count = partial(_count, quota, find_client(request.scope), folder)
    limited = await _limit(request, max(limits.values()) + SMALL_BODY_BYTES, count)
    expected = f"Send one file as {' or '.join(limits)}."
    try:
        async with limited.form(max_files=1, max_fields=0) as form:
            name, upload = next(iter(form.multi_items()), ("", None))
            if name not in limits or not isinstance(upload, UploadFile):
                raise BodyError(f"The file is missing. {expected}")
            if (upload.size or 0) > limits[name]:
                raise BodyTooLargeError(f"The file has more than {limits[name] / MEGABYTE:g} MB. Send a smaller one.")
            await to_thread.run_sync(_write_upload, upload, folder / name)
            return folder / name
    except HTTPException as error:
        raise BodyError(f"The form cannot be read: {error.detail} {expected}") from None


def _count(quota: ByteQuota, client: str, folder: Path, num_bytes: int) -> None:
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


async def _write_body(request: Request, path: Path) -> None:
    """Write the body to a file: in memory, many that arrive at the same time would be too much."""
    async with await open_file(path, "wb") as file:
        async for chunk in request.stream():
            await file.write(chunk)


def _media_type(request: Request) -> str:
    if encoding := request.headers.get("content-encoding"):
        raise MediaTypeError(f"Expected a body without content encoding, got {_shorten(encoding)!r}.")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _limit(request: Request, limit_bytes: int, count: Callable[[int], None] = lambda _: None) -> Request:
    """Return the request with a body that raises as soon as it exceeds the limit.

    Args:
        request: The request.
        limit_bytes: What its body may have.
        count: Takes the number of bytes of each part, and may refuse the body as well.
    """
    message = f"The request has more than {limit_bytes / MEGABYTE:g} MB, the most that is accepted. Send smaller files."
    body = RequestBody(request.scope, request.receive)
    num_bytes = 0

    def check(num_new: int) -> None:
        nonlocal num_bytes
        num_bytes += num_new
        if num_bytes > limit_bytes:
            raise BodyTooLargeError(message)
        count(num_new)

    async def receive() -> Message:
        part = await body()
        await _check_or_drain(partial(check, len(part.get("body", b""))), body)
        return part

    announced = int(request.headers.get("content-length", 0))
    await _check_or_drain(partial(check, announced if announced > limit_bytes else 0), body)
    return Request(request.scope, receive)


async def _check_or_drain(check: Callable[[], None], body: RequestBody) -> None:
    """Check a part of a body; if it is refused, drain the rest so that the client reads the error."""
    try:
        check()
    except AppError:
        await body.drain()
        raise


def _unpack_json(packed: Path, model: type[AnyBody], fields: list[Base64Field]) -> AnyBody:
    """Write the files next to the JSON that they came in, and keep nothing of them in memory."""
    parsed = _parse_json(packed.read_bytes(), model)
    packed.unlink()
    for field in fields:
        text = getattr(parsed, field)
        if text is not None:
            write_base64(text, field, packed.with_name(FILES[field]))
    changes: dict[str, Any] = dict.fromkeys(fields, "")
    if {"audio_b64", "speakers"} <= model.model_fields.keys():
        changes["speakers"] = _unpack_speakers(parsed, packed.parent)
        _require("audio_b64", packed.parent / "audio", changes["speakers"])
    return parsed.model_copy(update=changes)


def _unpack_speakers(parsed: Any, folder: Path) -> tuple[SpeakerRequest, ...]:  # noqa: ANN401 - a body with speakers
    """Write each speaker's voice under its role."""
    speakers = []
    for number, speaker in enumerate(parsed.speakers):
        role = None
        if speaker.audio_b64 is not None:
            role = VOICE_ROLES[number]
            write_base64(speaker.audio_b64, "audio_b64", folder / role)
        speakers.append(SpeakerRequest(speaker.face, role))
    return tuple(speakers)


def _require(field: str, file: Path, speakers: tuple[SpeakerRequest, ...] = ()) -> None:
    """Miss a file; whether speakers need the one recording of all is checked with all that is asked for."""
    if not file.exists() and not speakers:
        raise BodyError(f"{field} is missing. Send the file.", field)


def _parse_json(body: bytes | bytearray, model: type[AnyBody]) -> AnyBody:
    # Counted before parsing: two bytes of JSON may take more than two hundred in memory.
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_PARTS:
        raise BodyError("The body has too many parts. Send each known field at most once.")
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _explain(error, model) from None


def _parse_form(form: FormData, folder: Path, names: list[str], model: type[AnyBody]) -> AnyBody:
    for name in form:
        if len(form.getlist(name)) > 1:
            raise BodyError(f"{_shorten(name)!r} was sent more than once. Send each field once.", _shorten(name))
    texts = {name: value for name, value in form.items() if isinstance(value, str) and value}
    uploads = {name: value for name, value in form.items() if not isinstance(value, str)}
    try:
        options = model.model_validate(_parse_crop(texts))
    except ValidationError as error:
        raise _explain(error, model) from None
    return _sort_uploads(uploads, folder, names, options)


def _sort_uploads(uploads: dict[str, UploadFile], folder: Path, names: list[str], options: AnyBody) -> AnyBody:
    """Write the files under their roles; what a form calls them is no name of a file here."""
    speakers: tuple[SpeakerRequest, ...] = getattr(options, "speakers", ()) if "audio" in names else ()
    known = dict.fromkeys([*names, *(one.audio for one in speakers if one.audio is not None)])
    if unknown := [name for name in uploads if name not in known]:
        raise BodyError(
            f"There is no file field {_shorten(unknown[0])!r}. Known are: {_shorten(', '.join(known))}.",
            _shorten(unknown[0]),
        )
    if photo := uploads.pop("image", None):
        _write_upload(photo, folder / "image")
    speakers, voices = assign_voices(speakers, uploads)
    for role, upload in voices.items():
        _write_upload(upload, folder / role)
    for name in names:
        _require(name, folder / name, speakers if name == "audio" else ())
    return options.model_copy(update={"speakers": speakers}) if speakers else options


def _parse_crop(texts: dict[str, Any]) -> dict[str, Any]:
    """Parse the crop, which is JSON; the lists are parsed where they are checked."""
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
    """Explain the first mistake."""
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
            return "It is missing, but required."
        case _:
            return f"{_shorten(detail['msg'])}."


def _shorten(message: str) -> str:
    return message[:_MAX_MESSAGE_CHARACTERS]
