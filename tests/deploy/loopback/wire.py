"""How a handler of the control plane meets the wire."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from grpclib import GRPCError, Status


def unary(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Turn `handler(self, request) -> response` into a gRPC method; it may be a coroutine."""

    @functools.wraps(handler)
    async def respond(self: Any, stream: Any) -> None:
        response = handler(self, await stream.recv_message())
        await stream.send_message(await response if inspect.isawaitable(response) else response)

    return respond


def not_found(what: str) -> GRPCError:
    return GRPCError(Status.NOT_FOUND, what)
