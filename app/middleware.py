"""What every answer passes: safe headers and the request count; of the REST API also HEAD and compression."""

import logging
import time

from anyio import CancelScope
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api_paths import ApiPaths
from app.callers import find_caller
from app.log import begin_request
from app.metrics import Metrics
from app.problems import answer_error

_log = logging.getLogger("app.requests")
_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # addresses contain the ids of jobs
}
_COMPRESSED_BYTES = 1024
_COMPRESSION = 5
_COMPRESSED_ALREADY = frozenset({"/generate", "/face-crop"})
"""Base64 of a video or a picture: a quarter smaller at most, for a second of work."""


class AnswerMiddleware:
    """Adds safe headers and the request's id to every answer, counts it and logs it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        has_begun = False
        request_id, started = begin_request(), time.monotonic()

        async def send_safe(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                _log_request(scope, message["status"], time.monotonic() - started)
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                self._metrics.count_request(_name_method(scope), _name_route(scope), message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_safe)
        except Exception as error:
            if not has_begun:
                await answer_error(error)(scope, receive, send_safe)
            raise  # so that it is logged


def _log_request(scope: Scope, status: int, seconds: float) -> None:
    """Log that a request is answered: what was asked by its pattern, and by which key."""
    fields = {
        "method": _name_method(scope),
        "route": _name_route(scope),
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
        "key": find_caller(scope).key_id,
    }
    _log.info("answered", extra={"fields": fields})


class HeadMiddleware:
    """Answers HEAD as GET without the body, at each route of the REST API."""

    def __init__(self, app: ASGIApp, api: ApiPaths) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; nothing is read or waited for once the headers are known."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not self._api.take("HEAD", scope["path"]):
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"  # it is counted as what it is
                await send(message)
                await send({"type": "http.response.body"})
                rest.cancel()

        scope["method"] = "GET"
        with CancelScope() as rest:
            await self._app(scope, receive, send_head)


class CompressionMiddleware:
    """Compresses what the REST API answers, but no files and no events, as Starlette does by itself."""

    def __init__(self, app: ASGIApp, api: ApiPaths) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, minimum_size=_COMPRESSED_BYTES, compresslevel=_COMPRESSION)
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        is_text = scope["type"] == "http" and scope["path"] not in _COMPRESSED_ALREADY
        is_ours = is_text and (scope["path"] == "/openapi.json" or self._api.take(scope["method"], scope["path"]))
        await (self._compressing if is_ours else self._app)(scope, receive, send)


def _name_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"} else "other"


def _name_route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold a job's id."""
    route = scope.get("route")
    if route is None or isinstance(route, Mount):
        return "other"
    return str(getattr(route, "path", "other"))
