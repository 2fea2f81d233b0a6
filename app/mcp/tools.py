"""The tools: what each is called, what it takes, and which of the app's own routes does its work."""

import base64
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Request
from PIL import Image
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.routing import Route

from app.errors import BodyTooLargeError
from app.jobs import Jobs
from app.mcp.inside import Reply, ask
from app.routes.bodies import SMALL_BODY_BYTES, parse_json
from app.schemas.bodies import Body, EstimateBody, VideoBody
from app.schemas.queries import ListQuery
from app.settings import Settings

_AnyArguments = TypeVar("_AnyArguments", bound=BaseModel)
Answer = dict[str, Any]
"""The result of `tools/call`."""

_POSTER_PIXELS = 512
_MOST_WAIT_SECONDS = 50
"""Clients of the protocol give up after 60 seconds, unless they are told otherwise."""

_ONCE = {
    "type": "string",
    "pattern": "^[A-Za-z0-9._~-]{1,128}$",
    "description": "Your own random name for this video. Called again with it, after an answer was lost, the tool "
    "answers with the same job and makes nothing.",
}
_JobId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$", description="As make_video answered.")]


class NoArguments(Body):
    """Nothing."""


class JobArguments(Body):
    """Which job."""

    job_id: _JobId


class FollowArguments(JobArguments):
    """Which job, and how long to wait for it."""

    wait_seconds: Annotated[
        int,
        Field(ge=0, le=_MOST_WAIT_SECONDS, description="Answers when the job has ended, or after so many seconds."),
    ] = 20


@dataclass(frozen=True)
class Use:
    """One use of a tool.

    Attributes:
        request: Whose sender uses it.
        jobs: Those that the sender may see.
        settings: Of the app.
        arguments: A file with JSON.
        once: What names this use, so that it may be sent again.
    """

    request: Request
    jobs: Jobs
    settings: Settings
    arguments: Path
    once: str | None = None


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes:
        name: What it is called.
        title: For people.
        told: For the assistant.
        arguments: What it takes.
        route: Method and path of the route that does its work; without the route there is no tool.
        work: Does it.
        is_reading: Whether it changes nothing.
    """

    name: str
    title: str
    told: str
    arguments: type[BaseModel]
    route: tuple[str, str]
    work: Callable[["Tool", Use], Awaitable[Answer]]
    is_reading: bool = True

    def describe(self) -> dict[str, Any]:
        """Describe it as `tools/list` does."""
        hints = {"readOnlyHint": self.is_reading, "destructiveHint": not self.is_reading, "openWorldHint": False}
        schema = {"properties": {}} | self.arguments.model_json_schema()
        if not self.is_reading and self.route[0] == "POST":
            schema["properties"] |= {"idempotency_key": _ONCE}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.told,
            "inputSchema": schema,
            "annotations": hints,
        }


def find_tools(routers: Iterable[APIRouter]) -> dict[str, Tool]:
    """Return the tools whose routes there are."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]
    there = {(method, route.path) for route in routes for method in route.methods or ()}
    return {tool.name: tool for tool in _TOOLS if tool.route in there}


def tell(text: str) -> dict[str, str]:
    """Return a text for an answer."""
    return {"type": "text", "text": text}


def refuse(problem: dict[str, Any], retry_after: str | None = None) -> Answer:
    """Answer with a problem: its sentence says what to do."""
    text = str(problem.get("detail", "The tool could not do it."))
    when = f" Retry after {retry_after} seconds." if retry_after else ""
    return {"content": [tell(text + when)], "structuredContent": problem, "isError": True}


async def _pass_body(tool: Tool, use: Use) -> Answer:
    return _answer(await ask(use.request, *tool.route, body=use.arguments, idempotency_key=use.once))


async def _pass_query(tool: Tool, use: Use) -> Answer:
    asked = _read(use.arguments, tool.arguments).model_dump(exclude_none=True)
    return _answer(await ask(use.request, *tool.route, query=urlencode(asked)))


async def _follow(_: Tool, use: Use) -> Answer:
    asked = _read(use.arguments, FollowArguments)
    return _answer(await ask(use.request, "GET", f"/jobs/{asked.job_id}", prefer=f"wait={asked.wait_seconds}"))


async def _cancel(_: Tool, use: Use) -> Answer:
    """Cancel, and never delete: the route deletes the files of a job that has ended, and it may just have done so."""
    job_id = _read(use.arguments, JobArguments).job_id
    reply = await _ask_of_job(use.request, job_id)
    if not reply.is_error:
        await use.jobs.cancel(job_id)
        reply = await _ask_of_job(use.request, job_id)
    return _answer(reply)


async def _fetch(_: Tool, use: Use) -> Answer:
    job_id = _read(use.arguments, JobArguments).job_id
    poster = await ask(use.request, "GET", f"/jobs/{job_id}/poster")
    if poster.is_error:
        return _answer(poster)
    link = f"{_find_address(use)}/jobs/{job_id}/video"
    answer = _answer(await _ask_of_job(use.request, job_id))
    answer["content"] += [
        tell(f"The video: {link} (fetched with the Authorization that this tool was called with, where one is asked)."),
        {"type": "resource_link", "uri": link, "name": f"talking-video-{job_id[:6]}.mp4", "mimeType": "video/mp4"},
        {"type": "image", "data": await to_thread.run_sync(_shrink, poster.body), "mimeType": "image/jpeg"},
    ]
    return answer


async def _ask_of_job(request: Request, job_id: str) -> Reply:
    return await ask(request, "GET", f"/jobs/{job_id}")


def _answer(reply: Reply) -> Answer:
    """Answer with what a route answered; a list gets a name, as the protocol wants an object."""
    said = reply.parse()
    if reply.is_error:
        assert isinstance(said, dict)
        return refuse(said, reply.headers.get("retry-after"))
    structured = said if isinstance(said, dict) else {"items": said}
    return {"content": [tell(to_json(structured).decode())], "structuredContent": structured}


def _read(arguments: Path, model: type[_AnyArguments]) -> _AnyArguments:
    if arguments.stat().st_size > SMALL_BODY_BYTES:
        raise BodyTooLargeError("The arguments are too large. Send the known ones, each once.")
    return parse_json(arguments.read_bytes(), model)


def _find_address(use: Use) -> str:
    """Return the address of the app, without a slash at its end."""
    return str(use.settings.public_url or use.request.base_url).rstrip("/")


def _shrink(poster: bytes) -> str:
    """Return the picture, small, as base64: it becomes part of what an assistant reads."""
    with Image.open(BytesIO(poster)) as picture:
        picture.thumbnail((_POSTER_PIXELS, _POSTER_PIXELS))
        small = BytesIO()
        picture.save(small, "JPEG", quality=80)
    return base64.b64encode(small.getvalue()).decode()


_TOOLS = (
    Tool(
        "make_video",
        "Make a talking video",
        "Make a video of the person in a photo saying what is in a recording. Answers at once with a job; then call "
        "get_job until its status is done, and get_video. Files are base64 in the arguments, up to some megabytes, or "
        "named by the id of an upload or by an https address. Call estimate_video first where the profile costs "
        "money. Set consent only if the user has said that face and voice may be used.",
        VideoBody,
        ("POST", "/jobs"),
        _pass_body,
        is_reading=False,
    ),
    Tool(
        "get_job",
        "Follow a job",
        "See how far a job is; waits for its end, or some seconds.",
        FollowArguments,
        ("GET", "/jobs/{job_id}"),
        _follow,
    ),
    Tool(
        "get_video",
        "Fetch the video",
        "Get the link to a finished video, its data, and a small still picture of it.",
        JobArguments,
        ("GET", "/jobs/{job_id}/video"),
        _fetch,
    ),
    Tool(
        "cancel_job",
        "Cancel a job",
        "End a job that waits or runs; one that has ended stays as it is, with its video.",
        JobArguments,
        ("DELETE", "/jobs/{job_id}"),
        _cancel,
        is_reading=False,
    ),
    Tool("list_jobs", "List jobs", "List your jobs, newest first.", ListQuery, ("GET", "/jobs"), _pass_query),
    Tool(
        "list_profiles",
        "List the profiles",
        "List the quality profiles, what each does, and which are available here.",
        NoArguments,
        ("GET", "/profiles"),
        _pass_query,
    ),
    Tool(
        "list_voices",
        "List the voices",
        "List the voices that can be chosen in place of a recording.",
        NoArguments,
        ("GET", "/voices"),
        _pass_query,
    ),
    Tool(
        "estimate_video",
        "Estimate time and cost",
        "Estimate how long a video is likely to take and what it is likely to cost, before making it.",
        EstimateBody,
        ("POST", "/estimate"),
        _pass_body,
    ),
)
