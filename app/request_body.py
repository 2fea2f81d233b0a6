"""The body of a request that may be refused while it is still arriving."""

from anyio import move_on_after
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

_DRAINED_BYTES = 32_000_000
_DRAIN_SECONDS = 5


class RequestBody:
    """Stands in for a request's `receive`, and knows whether there is more to come."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._waits_for_permission = "expect" in Headers(scope=scope)
        self._is_over = False

    async def __call__(self) -> Message:
        """Return the next part."""
        message = await self._receive()
        self._is_over = not message.get("more_body")
        return message

    async def drain(self) -> None:
        """Drain the rest of a refused body, within limits: most clients read the error only after they have sent it.

        A client that asked for permission (`Expect: 100-continue`) has not sent anything yet, and reads it at once.
        """
        if self._waits_for_permission:
            return
        num_bytes = 0
        with move_on_after(_DRAIN_SECONDS):
            while num_bytes < _DRAINED_BYTES and not self._is_over:
                num_bytes += len((await self()).get("body", b""))
