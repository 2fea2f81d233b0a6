"""What every answer passes: safe headers and the request count."""

from starlette.datastructures import MutableHeaders
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.metrics import Metrics
from app.problems import answer_error

_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # addresses contain the ids of jobs
}


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

        has_begun = False

        async def send_safe(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
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


def _name_method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in {"GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH"} else "other"


def _name_route(scope: Scope) -> str:
    """Return the route's pattern: the path itself may hold a job's id."""
    route = scope.get("route")
    if route is None or isinstance(route, Mount):
        return "other"
    return str(getattr(route, "path", "other"))
