"""A file that a client names by its URL."""

import asyncio
import ssl
from collections.abc import Collection
from pathlib import Path

from httpcore2 import Response

from app.outbound.addresses import LookUp, look_up, resolve
from app.outbound.destination import OutboundError
from app.outbound.exchange import Outgoing, exchange, find_header, load_trust
from pipeline.errors import InputError, InputTooLargeError
from pipeline.notices import Field

_MAX_SMALL_PARTS = 2000
_SMALL_BYTES = 500
"""A file in crumbs takes the processor's time, not the network's."""


async def fetch_public(
    url: str,
    target: Path,
    limit_bytes: int,
    timeout_seconds: float,
    *,
    about: Field = "request",
    allowed_hosts: Collection[str] = (),
    look_up: LookUp = look_up,
    trust: ssl.SSLContext | None = None,
) -> None:
    """Fetch a file once from the public Internet: https only, no redirects, nothing unpacked.

    Args:
        url: As the client wrote it.
        target: The file to write; it may be there in part if the fetch fails.
        limit_bytes: The most that the file may have.
        timeout_seconds: For everything but the lookup of the name, which may take five seconds.
        about: The field that has the URL, for errors.
        allowed_hosts: As `check_url` takes them.
        look_up: Finds addresses.
        trust: The authorities whose certificates are believed; None: those of `load_trust`.

    Raises:
        InputError: It cannot be had; the notice says why.
        InputTooLargeError: It has too many bytes.
        OSError: The disk is full.
    """
    try:
        destination = await resolve(url, allowed_hosts, about=about, look_up=look_up)
        outgoing = Outgoing(destination, "GET", {"Accept": "*/*"}, limit_bytes=limit_bytes)
        if trust is None:
            trust = await asyncio.to_thread(load_trust)
        async with exchange(outgoing, trust, timeout_seconds) as response:
            _check_head(response, limit_bytes, about)
            await _write(response, target, limit_bytes, about)
    except OutboundError as error:
        raise InputError(error.code, about, **error.values) from None


def _check_head(response: Response, limit_bytes: int, about: Field) -> None:
    if 300 <= response.status < 400:
        raise InputError("url.redirects", about)
    if response.status != 200:
        raise InputError("url.status", about, status=response.status)
    length = find_header(response, b"content-length")
    if length is not None and int(length) > limit_bytes:
        raise _say_too_large(limit_bytes, about)


async def _write(response: Response, target: Path, limit_bytes: int, about: Field) -> None:
    num_bytes = num_parts = 0
    with target.open("wb") as file:
        async for part in response.aiter_stream():
            num_bytes += len(part)
            num_parts += 1
            if num_parts > _MAX_SMALL_PARTS + num_bytes // _SMALL_BYTES:
                raise OutboundError("url.no_http")
            if num_bytes > limit_bytes:
                raise _say_too_large(limit_bytes, about)
            file.write(part)


def _say_too_large(limit_bytes: int, about: Field) -> InputTooLargeError:
    return InputTooLargeError("url.too_many_bytes", about, most=round(limit_bytes / 1_000_000, 1))
