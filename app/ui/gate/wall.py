"""The wall in front of Gradio's apps: an allow-list of routes. Files are received and sent here, not by Gradio."""

import json
import mimetypes
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.queueing import Event
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.callers import find_caller
from app.errors import AppError, QueueFullError, UploadNotFoundError
from app.jobs import Jobs
from app.metrics import Metrics
from app.policy import FILE_POLICY
from app.problems import answer_error, answer_nothing, find_problem_type
from app.ui.gate.payload import clean, read_body
from app.ui.gate.receive import receive_files
from app.ui.gate.uploads import Uploads
from app.ui.gate.visitors import find_visitor_of, keep_cookie

_API = "/gradio_api"
_FILE = f"{_API}/file="
_NAME = r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"
_SESSION = r"[A-Za-z0-9-]{1,64}"

PASSED = {
    "GET": (
        r"/theme\.css",
        rf"/assets/{_NAME}",
        rf"/static/(?:fonts|img|js)(?:/{_NAME})+",
        rf"{_API}/info",
        rf"{_API}/app_id",
        rf"{_API}/queue/data",
        rf"{_API}/heartbeat/{_SESSION}",
        rf"{_API}/call/[a-z_]+/[0-9a-f]{{32}}",
    ),
}
"""Paths that Gradio answers itself, as regular expressions. `docs/security.md` says what each is for."""

_STREAM = re.compile(rf"{_API}/(?:queue/data|call/[a-z_]+/(?P<event>[0-9a-f]{{32}}))")
"""Paths that tell how an event goes: of a session's, or of one."""

_RUN = re.compile(rf"{_API}/(?:queue/join|run/predict|call/(?P<name>[a-z_]+))")
"""Paths that run an event, once the body has been checked."""

_END = frozenset({f"{_API}/cancel", f"{_API}/reset"})
"""Paths that end an event; Gradio would accept bodies of any size here."""

MOST_EVENTS = 200
"""How many events of one client may wait or run; many people may share an address."""

_RETRY_SECONDS = 5
_PAGE_QUERY = frozenset({"job", "lang", "__theme"})
_SHOWN = ("image/", "audio/", "video/")
_NO_SHOW = frozenset({"image/svg+xml"})


@dataclass(frozen=True)
class Gate:
    """What all walls share.

    Attributes:
        uploads: The uploads of all visitors.
        jobs: The service, which has the videos.
        metrics: Counts refused uploads.
    """

    uploads: Uploads
    jobs: Jobs
    metrics: Metrics


class GateMiddleware:
    """Passes on to one of Gradio's apps what the page and `gradio_client` need, and answers 404 to anything else."""

    def __init__(self, app: ASGIApp, blocks: gr.Blocks, gate: Gate) -> None:
        self._app = app
        self._blocks = blocks
        self._uploads = gate.uploads
        self._jobs = gate.jobs
        self._metrics = gate.metrics
        self._passed = {method: re.compile("|".join(paths)) for method, paths in PASSED.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, answer it, or refuse it."""
        if scope["type"] != "http":
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            answer = self._choose(scope, path)
            await answer(scope, receive, send)
        except AppError as error:
            await answer_error(error)(scope, receive, send)
        except ClientDisconnect:
            return

    def _choose(self, scope: Scope, path: str) -> ASGIApp:
        """Return what answers."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        own = self._answer_get(scope, path) if method == "GET" else None
        if method == "POST":
            own = self._answer_post(path)
        passed = self._passed.get(method)
        if own is None and passed and passed.fullmatch(path):
            return self._app
        return own or answer_nothing(scope["path"])

    def _answer_get(self, scope: Scope, path: str) -> ASGIApp | None:
        if path in {"", "/"}:
            return self._show_page
        if path == "/config":
            return self._show_config
        if (found := _STREAM.fullmatch(path)) and not self._has_events(scope, found["event"]):
            return answer_nothing(scope["path"])
        if path == f"{_API}/upload_progress":  # progress is not tracked; the page shows its own indicator
            return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")
        return self._find_file(scope, path.removeprefix(_FILE)) if path.startswith(_FILE) else None

    def _answer_post(self, path: str) -> ASGIApp | None:
        if path == f"{_API}/upload":
            return self._take_upload
        if path in _END:
            return self._end
        found = _RUN.fullmatch(path)
        return partial(self._run, found["name"]) if found else None

    async def _show_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = [pair for pair in parse_qsl(scope["query_string"].decode("latin-1")) if pair[0] in _PAGE_QUERY]
        await self._app({**scope, "query_string": urlencode(query).encode()}, receive, _keeping_cookie(scope, send))

    async def _show_config(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "query_string": b""}, receive, _keeping_cookie(scope, send))

    def _find_file(self, scope: Scope, path: str) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": FILE_POLICY}
        if job_id := self._uploads.find_result(path):
            try:
                seen = self._jobs.seen_by(lambda: find_caller(scope).key_id)
                return FileResponse(seen.video_path(job_id), media_type="video/mp4", headers=headers)
            except AppError as error:
                return answer_error(error)
        found = self._uploads.find(path, find_visitor_of(scope))
        if found is None:
            return answer_error(UploadNotFoundError())
        kind = mimetypes.guess_type(found.name)[0] or ""
        if kind.startswith(_SHOWN) and kind not in _NO_SHOW:
            return FileResponse(found, media_type=kind, headers=headers)
        return FileResponse(found, filename=found.name, media_type="application/octet-stream", headers=headers)

    async def _take_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        visitor, client = find_visitor_of(scope), find_caller(scope).turn
        try:
            paths = await receive_files(scope, receive, self._uploads, visitor, client)
        except AppError as error:
            self._metrics.count_refused_upload(find_problem_type(error).status)
            raise
        await JSONResponse(paths)(scope, receive, send)

    async def _end(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(Request(scope, receive))
        await self._app(*_with_body(scope, receive, body), send)

    async def _run(self, name: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(Request(scope, receive))
        fn = self._find_fn(name, body.get("fn_index"))
        if fn is None:
            await answer_nothing(scope["path"])(scope, receive, send)
            return
        self._check_share(find_caller(scope).turn)
        visitor = find_visitor_of(scope)
        cleaned = clean(body, fn, lambda path: self._uploads.find(path, visitor))
        await self._app(*_with_body(scope, receive, cleaned), send)

    def _check_share(self, client: str) -> None:
        """Refuse a client that has too many events already: others need places, too."""
        queue = self._blocks._queue  # noqa: SLF001 - Gradio has no other way to tell
        waiting = (event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue)
        running = (event for events in queue.active_jobs if events is not None for event in events)
        num_own = sum(_is_of(event, client) for event in chain(waiting, running))
        if num_own >= MOST_EVENTS:
            raise QueueFullError(num_own, _RETRY_SECONDS, "events", is_share=True)

    def _has_events(self, scope: Scope, event: str | None) -> bool:
        """Say whether there is anything to tell; where there is not, Gradio fails in the middle of its answer."""
        session = event or dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("session_hash")
        return session in self._blocks._queue.pending_messages_per_session  # noqa: SLF001 - as above

    def _find_fn(self, name: str | None, index: Any) -> BlockFunction | None:  # noqa: ANN401 - any JSON
        fns = self._blocks.fns
        if name is None:
            found = fns.get(index) if isinstance(index, int) else None
            return found if found is not None and found.fn is not None else None
        public = (fn for fn in fns.values() if fn.api_visibility == "public" and fn.api_name == name)
        return next(public, None)


def _is_of(event: Event, client: str) -> bool:
    return event.request is not None and find_caller(event.request.scope).turn == client


def _with_body(scope: Scope, receive: Receive, body: dict[str, Any]) -> tuple[Scope, Receive]:
    raw = json.dumps(body).encode()
    headers = [(name, value) for name, value in scope["headers"] if name not in {b"content-length", b"content-type"}]
    headers += [(b"content-length", str(len(raw)).encode()), (b"content-type", b"application/json")]
    parts: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive_cleaned() -> Message:
        return parts.pop() if parts else await receive()

    return {**scope, "headers": headers}, receive_cleaned


def _keeping_cookie(scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            keep_cookie(scope, headers)
            headers["cache-control"] = "no-store"
        await send(message)

    return send_with_cookie
