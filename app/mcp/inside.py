"""Asks the app's own routes on behalf of a caller, without a connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from anyio import to_thread
from fastapi import Request
from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

_CHUNK_BYTES = 1 << 20
_OF_THE_OUTER = frozenset({"route", "endpoint", "path_params", "extensions"})


@dataclass(frozen=True)
class Reply:
    """What a route answered."""

    status: int
    headers: Headers
    body: bytes

    @property
    def is_error(self) -> bool:
        """Whether it is a problem."""
        return self.status >= 400

    def parse(self) -> object:
        """Parse the body, which is JSON."""
        return from_json(self.body)


class _Body:
    """Stands in for `receive`: a body out of a file, and after it the news that whoever asked has gone."""

    def __init__(self, file: BinaryIO, receive: Receive) -> None:
        self._file = file
        self._receive = receive
        self._is_over = False

    async def __call__(self) -> Message:
        """Return the next part."""
        if self._is_over:
            return await self._receive()
        part = await to_thread.run_sync(self._file.read, _CHUNK_BYTES)
        self._is_over = not part
        return {"type": "http.request", "body": part, "more_body": not self._is_over}


async def ask(
    request: Request, method: str, path: str, *, query: str = "", body: Path | None = None, **headers: str | None
) -> Reply:
    """Ask a route as whoever sent the request: who that is was found out before the request came here.

    Args:
        request: Whose sender asks; its body has been read.
        method: Of HTTP.
        path: Of a route.
        query: After the question mark.
        body: A file with JSON.
        headers: Those of the route that are not None, with underscores.
    """
    answers: list[Message] = []

    async def send(message: Message) -> None:
        answers.append(message)

    with body.open("rb") if body else BytesIO() as file:
        num_bytes = file.seek(0, SEEK_END)
        file.seek(0)
        asked = {"method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode()}
        scope = _make_scope(request, asked | {"headers": _make_headers(request, num_bytes, headers)})
        await request.app.router(scope, _Body(file, request.receive), send)
    start, *parts = answers
    return Reply(start["status"], Headers(raw=start["headers"]), b"".join(part.get("body", b"") for part in parts))


def _make_scope(request: Request, asked: dict[str, Any]) -> Scope:
    return {name: value for name, value in request.scope.items() if name not in _OF_THE_OUTER} | asked


def _make_headers(request: Request, num_bytes: int, more: Mapping[str, str | None]) -> list[tuple[bytes, bytes]]:
    named = {"host": request.headers.get("host"), **{name.replace("_", "-"): value for name, value in more.items()}}
    sent = {"content-type": "application/json", "content-length": str(num_bytes), **named}
    return [(name.encode(), value.encode("ascii", "replace")) for name, value in sent.items() if value is not None]
