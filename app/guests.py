"""Pages of other sites that may use the REST API, with a key."""

from collections.abc import Collection, Mapping
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api_paths import ApiPaths
from app.errors import GuestError
from app.problems import answer_error

_ASKED_HEADERS = ("Authorization", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer", "Range", "X-API-Key")
_TOLD_HEADERS = (
    *("Content-Disposition", "Content-Range", "ETag", "Idempotency-Replayed", "Location", "Preference-Applied"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "X-Audio-Duration", "X-Job-Id", "X-Request-Id", "X-Seed"),
    "X-Warnings",
)
_PREFLIGHT_SECONDS = 7200
_OWN_SITE = frozenset({"same-origin", "none"})
# What a browser adds by itself says nothing of what its user wants from another site's page.
_LEFT_OUT = frozenset({b"cookie", b"origin", b"sec-fetch-site"})


class GuestMiddleware:
    """Lets pages of listed origins use the REST API and read its answers (CORS). `OriginMiddleware` has all others.

    Such a request needs a key: cookies and passwords, which browsers send by themselves, do not count.

    Args:
        app: Sees such a request as if a program had sent it.
        origins: As browsers write them.
        api: The routes that are open to them.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], api: ApiPaths) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._api = api
        self._cors = CORSMiddleware(
            self._enter,
            allow_origins=tuple(origins),
            allow_methods=("GET", "HEAD", "POST", "DELETE"),
            allow_headers=_ASKED_HEADERS,
            expose_headers=_TOLD_HEADERS,
            max_age=_PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 403 if it has no key."""
        is_guest = scope["type"] == "http" and self._is_guest(scope, Headers(scope=scope))
        await (self._cors if is_guest else self._app)(scope, receive, send)

    def _is_guest(self, scope: Scope, headers: Headers) -> bool:
        if headers.get("origin") not in self._origins or headers.get("sec-fetch-site") in _OWN_SITE:
            return False
        is_preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        method = headers["access-control-request-method"] if is_preflight else scope["method"]
        return self._api.take(method, scope["path"])

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = partial(_send_to_guest, send)
        if not _has_key(Headers(scope=scope)):
            await answer_error(GuestError())(scope, receive, send)
            return
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _LEFT_OUT]
        await self._app(scope, receive, send)


def _has_key(headers: Mapping[str, str]) -> bool:
    scheme = headers.get("authorization", "Bearer" if "x-api-key" in headers else "").partition(" ")[0]
    return scheme.lower() == "bearer"


async def _send_to_guest(send: Send, message: Message) -> None:
    """Let a page that takes nothing from other sites by itself (COEP) have the answer."""
    if message["type"] == "http.response.start":
        MutableHeaders(scope=message)["Cross-Origin-Resource-Policy"] = "cross-origin"
    await send(message)
