"""How the page's files travel: small, and once."""

import re

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.ui.assets import FOREVER
from app.ui.document import PAGES

_GRADIOS_FILES = re.compile(r"/(?:[a-z]{2}/)?(?:assets|static/fonts)/")


class DeliveryMiddleware:
    """Compresses the page and its own files, and lets browsers keep Gradio's scripts, styles and fonts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and see to its answer."""
        path = scope["path"] if scope["type"] == "http" else ""

        async def send_to_keep(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message)["cache-control"] = FOREVER
            await send(message)

        if path in PAGES or path.startswith("/ui/"):
            await self._compressing(scope, receive, send)
        elif _GRADIOS_FILES.match(path):
            await self._app(scope, receive, send_to_keep)
        else:
            await self._app(scope, receive, send)
