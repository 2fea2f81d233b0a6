"""Requests that come with keys, to an app that asks for none."""

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import AccessMiddleware
from app.callers import Caller, set_caller
from app.clients import find_client


class _AsKey:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key_id = Headers(scope=scope).get("key") if scope["type"] == "http" else None
        if key_id is not None:
            set_caller(scope, Caller(find_client(scope), key_id))
        await self._app(scope, receive, send)


def take_key_ids(app: FastAPI) -> FastAPI:
    """Take whoever says so in the header `key` for the holder of the key with that id."""
    app.user_middleware = [door for door in app.user_middleware if door.cls is not AccessMiddleware]  # it would ask
    app.user_middleware.append(Middleware(_AsKey))
    return app
