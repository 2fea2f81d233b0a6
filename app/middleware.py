"""What every request passes: the password, safe headers, the count."""

import base64
import binascii
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import PasswordError
from app.metrics import Metrics
from app.problems import answer_error

OPEN_PATHS = frozenset({"/health"})
"""What needs no password."""

_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # ids of jobs stand in addresses
}


class PasswordMiddleware:
    """Asks everyone for the one password, with HTTP Basic authentication."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app = app
        self._password = password.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS or self._is_known(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer_error(PasswordError())(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        try:
            _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and secrets.compare_digest(password, self._password)


class AnswerMiddleware:
    """Adds safe headers to every answer and counts it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SAFE_HEADERS.items():
                    headers.setdefault(name, value)
                self._metrics.count_request(_name_method(scope), _name_route(scope), message["status"])
            await send(message)

        await self._app(scope, receive, send_safe)


def _name_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"} else "other"


def _name_route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold a job's id."""
    route = scope.get("route")
    if route is None or isinstance(route, Mount):
        return "other"
    return str(getattr(route, "path", "other"))
