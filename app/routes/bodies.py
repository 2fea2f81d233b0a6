"""Reads the bodies of requests, checking limits while they arrive: what a client announces is not trusted."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from anyio import CapacityLimiter, open_file, to_thread
from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from app.callers import find_caller
from app.errors import AppError, BatchRowError, BodyError, BodyTooLargeError, MediaTypeError
from app.mistakes import explain_mistake, shorten
from app.quota import ByteQuota
from app.request_body import RequestBody
from app.routes.base64_file import Base64Field, write_base64
from app.routes.dependencies import find_quota
from app.routes.forms import read_form
from app.routes.sources import FILES, FileName, Source, count_bytes, explain_missing, find_source, place_sources
from app.schemas.bodies import BatchBody, BatchRow, Body
from app.settings import MEGABYTE
from pipeline.casting import assign_voices
from pipeline.errors import InputError
from pipeline.request import MAX_SPEAKERS, VOICE_ROLES, Role, SpeakerRequest

AnyBody = TypeVar("AnyBody", bound=BaseModel)
_Unpacked = TypeVar("_Unpacked")

SMALL_BODY_BYTES = 100_000
_BASE64_GROWTH = 1.4
"""How much larger base64 with line breaks is than the bytes that it encodes."""

_UNPACKING = CapacityLimiter(1)
"""While files are unpacked from JSON, it is in memory twice; so this is done for one request at a time."""

_MAX_FIELDS = 24
_MAX_PARTS = 10_000
"""In JSON: commas and opening brackets. Base64 has none, but a prompt may."""
_MOST_ROWS_BYTES = 20_000_000
_ID_NAME = "upload:"
"""Before the id of an upload, where the files of a form have their names."""


async def read_json(
    request: Request,
    model: type[AnyBody],
    limit_bytes: int = SMALL_BODY_BYTES,
    most_parts: int = _MAX_PARTS,
    limiter: CapacityLimiter | None = None,
) -> AnyBody:
    """Read a JSON body.

    Args:
        request: With the body.
        model: What it has to fit.
        limit_bytes: How many it may have.
        most_parts: How many commas and opening brackets.
        limiter: How many may be parsed at a time; None leaves it to the threads.

    Raises:
        BodyError: It is too large, is not JSON, or does not fit the model.
    """
    if _media_type(request) != "application/json":
        raise MediaTypeError("Expected a body of content type application/json.")
    body = bytearray()
    async for chunk in (await _limit(request, limit_bytes)).stream():
        body += chunk
    return await to_thread.run_sync(parse_json, body, model, most_parts, limiter=limiter)


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
    fields: list[Base64Field] = [field for field in FILES if field in body.model_fields]
    count = partial(count_bytes, find_quota(request), find_caller(request.scope).turn, folder)
    kind = _media_type(request)
    if kind == "application/json":
        packed = await keep_json(request, folder, limit_bytes)
        parsed, sources = await unpack(partial(_unpack_json, packed, body, fields))
        await place_sources(request, sources, folder)
        return parsed
    if kind != "multipart/form-data":
        raise MediaTypeError("Expected a body of content type application/json or multipart/form-data.")
    limited = await _limit(request, limit_bytes + SMALL_BODY_BYTES, count)
    names = [FILES[field] for field in fields]
    max_files = len(names) + (MAX_SPEAKERS if "audio" in names else 0)
    limits = {"max_files": max_files, "max_fields": _MAX_FIELDS, "max_part_size": SMALL_BODY_BYTES}
    form_reader = read_form(limited, options.model_fields, names, **limits)
    try:
        async with form_reader as form:
            parsed, sources = await to_thread.run_sync(_parse_form, form, folder, names, options)
    except HTTPException as error:
        reason = f"{error.detail} Send {' and '.join(names)} as files of a form, each once."
        raise BodyError(f"The form cannot be read: {reason}") from None
    await place_sources(request, sources, folder)
    return parsed


async def keep_json(request: Request, folder: Path, limit_bytes: int) -> Path:
    """Write a JSON body into the folder: it may carry files as base64.

    Args:
        request: With the body.
        folder: Where it goes, as `json`.
        limit_bytes: Of all files together.

    Raises:
        BodyError: It is too large, or is not JSON.
        UploadsFullError: The client, or all clients together, have too many bytes on the disk.
    """
    if _media_type(request) != "application/json":
        raise MediaTypeError("Expected a body of content type application/json.")
    count = partial(count_bytes, find_quota(request), find_caller(request.scope).turn, folder)
    packed = folder / "json"
    await _write_body(await _limit(request, round(limit_bytes * _BASE64_GROWTH) + SMALL_BODY_BYTES, count), packed)
    return packed


async def unpack(work: Callable[[], _Unpacked]) -> _Unpacked:
    """Do what takes the memory of a whole body, one body at a time."""
    return await to_thread.run_sync(work, limiter=_UNPACKING)


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
    count = partial(count_bytes, quota, find_caller(request.scope).turn, folder)
    limited = await _limit(request, max(limits.values()) + SMALL_BODY_BYTES, count)
    expected = f"Send one file as {' or '.join(limits)}."
    try:
        async with read_form(limited, (), limits, max_files=1, max_fields=0) as form:
            name, upload = next(iter(form.multi_items()), ("", None))
            if name not in limits or not isinstance(upload, UploadFile):
                raise BodyError(f"The file is missing. {expected}")
            if (upload.size or 0) > limits[name]:
                raise BodyTooLargeError(f"The file has more than {limits[name] / MEGABYTE:g} MB. Send a smaller one.")
            await to_thread.run_sync(_write_upload, upload, folder / name)
            return folder / name
    except HTTPException as error:
        raise BodyError(f"The form cannot be read: {error.detail} {expected}") from None


async def _write_body(request: Request, path: Path) -> None:
    """Write the body to a file: in memory, many that arrive at the same time would be too much."""
    async with await open_file(path, "wb") as file:
        async for chunk in request.stream():
            await file.write(chunk)


def _media_type(request: Request) -> str:
    if encoding := request.headers.get("content-encoding"):
        raise MediaTypeError(f"Expected a body without content encoding, got {shorten(encoding)!r}.")
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


def _unpack_json(packed: Path, model: type[AnyBody], fields: list[Base64Field]) -> tuple[AnyBody, dict[Role, Source]]:
    """Write the files next to the JSON that they came in, and keep nothing of them in memory."""
    parsed = parse_json(packed.read_bytes(), model)
    packed.unlink()
    sources: dict[Role, Source] = {}
    for field in fields:
        text = getattr(parsed, field)
        source = find_source(parsed, FILES[field], None if text is None else field)
        if source is not None:
            sources[FILES[field]] = source
        if text is not None:
            write_base64(text, field, packed.with_name(FILES[field]))
    changes: dict[str, Any] = dict.fromkeys(fields, "")
    if {"audio_b64", "speakers"} <= model.model_fields.keys():
        changes["speakers"] = _unpack_speakers(parsed, packed.parent, sources)
    for field in fields:
        _require(field, packed.with_name(FILES[field]), sources, changes.get("speakers", ()))
    return parsed.model_copy(update=changes), sources


def _unpack_speakers(
    parsed: Any,  # noqa: ANN401 - a body with speakers
    folder: Path,
    sources: dict[Role, Source],
) -> tuple[SpeakerRequest, ...]:
    """Write each speaker's voice under its role, or note where it is."""
    speakers = []
    for number, speaker in enumerate(parsed.speakers):
        role = None
        if speaker.audio_b64 is not None or speaker.audio_id is not None:
            role = VOICE_ROLES[number]
            _check_voice(speaker.audio_b64, speaker.audio_id, number)
        if speaker.audio_id is not None:
            sources[VOICE_ROLES[number]] = Source("audio_id", speaker.audio_id)
        elif speaker.audio_b64 is not None:
            write_base64(speaker.audio_b64, "audio_b64", folder / VOICE_ROLES[number])
        speakers.append(SpeakerRequest(speaker.face, role))
    return tuple(speakers)


def _check_voice(carried: str | None, named: str | None, number: int) -> None:
    if carried is not None and named is not None:
        raise BodyError(f"Speaker {number} has two voices. Send the file, or its audio_id.", "speakers")


def _require(field: str, file: Path, sources: Mapping[Role, Source], speakers: tuple[SpeakerRequest, ...] = ()) -> None:
    """Miss a file; whether speakers need the one recording of all is checked with all that is asked for."""
    is_exempt = file.name == "audio" and speakers
    if not file.exists() and file.name not in sources and not is_exempt:
        raise explain_missing(field)


def parse_json(body: bytes | bytearray, model: type[AnyBody], most_parts: int = _MAX_PARTS) -> AnyBody:
    """Parse a JSON body.

    Raises:
        BodyError: It is not JSON, or does not fit the model.
    """
    # Counted before parsing: two bytes of JSON may take more than two hundred in memory.
    if sum(map(body.count, (b",", b"[", b"{"))) > most_parts:
        raise BodyError("The body has too many parts. Send each known field at most once.")
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise _explain(error, model) from None


def _parse_form(
    form: FormData, folder: Path, names: list[FileName], model: type[AnyBody]
) -> tuple[AnyBody, dict[Role, Source]]:
    for name in form:
        if len(form.getlist(name)) > 1:
            raise BodyError(f"{shorten(name)!r} was sent more than once. Send each field once.", shorten(name))
    texts = {name: value for name, value in form.items() if isinstance(value, str) and value}
    uploads = {name: value for name, value in form.items() if not isinstance(value, str)}
    try:
        options = model.model_validate(_parse_crop(texts))
    except ValidationError as error:
        raise _explain(error, model) from None
    return _sort_uploads(uploads, folder, names, options)


def _sort_uploads(
    uploads: dict[str, UploadFile], folder: Path, names: list[FileName], options: AnyBody
) -> tuple[AnyBody, dict[Role, Source]]:
    """Write the files under their roles; what a form calls them is no name of a file here."""
    asked = getattr(options, "speakers", ()) if "audio" in names else ()
    known = dict.fromkeys([*names, *(one.audio for one in asked if one.audio is not None)])
    if unknown := [name for name in uploads if name not in known]:
        raise BodyError(
            f"There is no file field {shorten(unknown[0])!r}. Known are: {shorten(', '.join(known))}.",
            shorten(unknown[0]),
        )
    files: dict[str, UploadFile | Source] = dict(uploads)
    for name in names:
        if (source := find_source(options, name, name if name in uploads else None)) is not None:
            files[name] = source
    given: dict[Role, UploadFile | Source] = {"image": files.pop("image")} if "image" in files else {}
    speakers, voices = assign_voices(_name_voices(asked, files), files)
    given |= voices
    for role, file in given.items():
        if isinstance(file, UploadFile):
            _write_upload(file, folder / role)
    sources = {role: file for role, file in given.items() if isinstance(file, Source)}
    for name in names:
        _require(name, folder / name, sources, speakers)
    return options.model_copy(update={"speakers": speakers}) if speakers else options, sources


def _name_voices(asked: Sequence[Any], files: dict[str, UploadFile | Source]) -> tuple[SpeakerRequest, ...]:
    """Return the speakers with a name for each one's file; an upload that was named by its id gets one, too."""
    speakers = []
    for number, one in enumerate(asked):
        name = one.audio
        if one.audio_id is not None:
            _check_voice(one.audio, one.audio_id, number)
            name = f"{_ID_NAME}{one.audio_id}"
            files[name] = Source("audio_id", one.audio_id)
        speakers.append(SpeakerRequest(one.face, name))
    return tuple(speakers)


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


def read_rows(body: BatchBody) -> list[Body]:
    """Return the rows of a batch, each with what holds for all.

    Raises:
        BodyTooLargeError: They are too large, with what holds for all in each.
        BatchRowError: One has fields that there are not, or values of the wrong kind.
    """
    if len(json.dumps(body.defaults)) * len(body.jobs) > _MOST_ROWS_BYTES:
        raise BodyTooLargeError("defaults is too large to hold for so many rows. Send fewer rows, or less in each.")
    rows = []
    for number, row in enumerate(body.jobs):
        try:
            rows.append(BatchRow.model_validate_json(json.dumps(body.defaults | row), strict=True))
        except ValidationError as error:
            raise BatchRowError(number, _explain(error, BatchRow)) from None
        except InputError as error:
            raise BatchRowError(number, error) from None
    return rows


def _explain(error: ValidationError, model: type[BaseModel]) -> BodyError:
    """Explain the first mistake."""
    detail = error.errors(include_url=False)[0]
    place = ".".join(map(str, detail["loc"]))
    if not place:
        return BodyError(f"The body cannot be read as a JSON object: {shorten(detail['msg'])}.")
    return BodyError(
        f"{shorten(place)}: {explain_mistake(detail, model.model_fields)}", shorten(place.partition(".")[0])
    )
