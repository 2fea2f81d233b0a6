"""The one address of the protocol (streamable HTTP): each message is a POST, answered with JSON, without sessions."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic_core import from_json

from app.errors import AppError, BodyError
from app.jobs import Jobs
from app.mcp.protocol import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    VERSIONS,
    Message,
    ProtocolError,
    answer_error,
    answer_result,
    check_envelope,
    check_version,
    choose_version,
)
from app.mcp.tools import Tool, Use, find_tools, refuse
from app.problems import answer_error as answer_problem
from app.routes.bodies import SMALL_BODY_BYTES, keep_json, parse_json, unpack
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.settings import Settings
from pipeline.errors import PipelineError
from pipeline.version import VERSION

_SERVER = {"name": "video-lab", "title": "Video Lab", "version": VERSION}
_SERVER_KEY = "io.modelcontextprotocol/serverInfo"
_ABOUT = {
    "capabilities": {"tools": {}},
    "instructions": "A photo of a face and a recording of a voice become a talking video. Call make_video, then get_job"
    " until the status is done, then get_video. Errors say what was expected, what came and what to do.",
}
_FRESH = {"ttlMs": 300_000, "cacheScope": "private"}
"""How long a client may keep what seldom changes."""


@dataclass(frozen=True)
class _Post:
    """A request with a message, and where its body goes."""

    request: Request
    jobs: Jobs
    settings: Settings
    folder: Path


@dataclass(frozen=True)
class _Call:
    """A message, with the arguments of its tool in a file: they may carry a photo and a recording."""

    message: Message
    arguments: Path
    once: str | None = None


def create_router(routers: Iterable[APIRouter]) -> APIRouter:
    """Create the route, with a tool for each of the routers' routes that a tool is made of."""
    tools = find_tools(routers)
    router = APIRouter()

    @router.post("/mcp", include_in_schema=False)
    async def answer_message(request: Request, jobs: JobsOfApp, settings: SettingsOfApp) -> Response:
        """Answer a message."""
        with jobs.receive() as folder:
            return await _answer(_Post(request, jobs, settings, folder), tools)

    return router


async def _answer(post: _Post, tools: Mapping[str, Tool]) -> Response:
    request, call = post.request, None
    try:
        check_version(request)
        call = await _read(post)
        if call.message.is_notification:
            return Response(status_code=202)
        check_envelope(request, call.message)
        return answer_result(call.message, await _serve(post, call, tools))
    except ProtocolError as error:
        return answer_error(request, error, call.message if call else None)


async def _read(post: _Post) -> _Call:
    """Read the message; files may come with it, so what holds for `POST /jobs` holds here.

    Raises:
        ProtocolError: It is no message.
        BodyError: It is too large.
    """
    limit_bytes = post.settings.max_photo_bytes + post.settings.max_voice_bytes
    packed = await keep_json(post.request, post.folder, limit_bytes)
    try:
        return await unpack(partial(_unpack, packed))
    except BodyError as error:
        code = PARSE_ERROR if error.field is None else INVALID_REQUEST
        raise ProtocolError(code, f"Expected one message of JSON-RPC 2.0. {error}") from None


def _unpack(packed: Path) -> _Call:
    """Keep nothing in memory of what a tool gets."""
    message = parse_json(packed.read_bytes(), Message)
    packed.unlink()
    arguments, path = message.params.pop("arguments", {}), packed.with_name("arguments")
    once = arguments.pop("idempotency_key", None) if isinstance(arguments, dict) else None
    if len(json.dumps(message.params)) > SMALL_BODY_BYTES:
        raise BodyError("params is too large. Send files in the arguments of a tool.", "params")
    with path.open("w") as file:
        json.dump(arguments, file)
    return _Call(message, path, None if once is None else str(once))


async def _serve(post: _Post, call: _Call, tools: Mapping[str, Tool]) -> dict[str, Any]:
    match call.message.method:
        case "initialize":
            version = choose_version(call.message.params.get("protocolVersion"))
            return {"protocolVersion": version, "serverInfo": _SERVER} | _ABOUT
        case "server/discover":
            return {"supportedVersions": list(VERSIONS), "_meta": {_SERVER_KEY: _SERVER}} | _ABOUT | _FRESH
        case "ping":
            return {}
        case "tools/list":
            return {"tools": [tool.describe() for tool in tools.values()]} | _FRESH
        case "tools/call":
            return await _call_tool(post, call, tools)
        case method:
            raise ProtocolError(METHOD_NOT_FOUND, f"There is no method {method[:100]!r}. There are tools alone.")


async def _call_tool(post: _Post, call: _Call, tools: Mapping[str, Tool]) -> dict[str, Any]:
    """Use a tool. What it refuses, the assistant is told in the tool's answer, so that it can do better."""
    name = call.message.params.get("name")
    tool = tools.get(name) if isinstance(name, str) else None
    if tool is None:
        raise ProtocolError(INVALID_PARAMS, f"There is no such tool. Known are: {', '.join(tools)}.")
    try:
        return await tool.work(tool, Use(post.request, post.jobs, post.settings, call.arguments, call.once))
    except (AppError, PipelineError) as error:
        problem = answer_problem(error)
        return refuse(from_json(bytes(problem.body)), problem.headers.get("retry-after"))
