"""How long a request's body may take to arrive."""

import time
from contextlib import suppress
from dataclasses import dataclass

from anyio import fail_after
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BodyStalledError
from app.problems import answer_error

_DISCONNECT = {"type": "http.disconnect"}


@dataclass(frozen=True)
class Patience:
    """What is waited for a body.

    Attributes:
        slack_seconds: What may be lost in pauses, all of them together; a tunnel takes a train half of it.
        bytes_per_second: Least rate apart from that.
        whole_seconds: The most that a body may take.
    """

    slack_seconds: float = 60.0
    bytes_per_second: float = 4_000.0
    whole_seconds: float = 7_200.0

    def find_limit(self, num_bytes: int) -> float:
        """Return the seconds that may have been waited for a body of which so many bytes are there."""
        return min(self.slack_seconds + num_bytes / self.bytes_per_second, self.whole_seconds)


_PATIENCE = Patience()


class ArrivalMiddleware:
    """Ends requests whose body comes too slowly: until it is whole, each holds a connection and a file.

    What reads the body sees that the client has gone.
    """

    def __init__(self, app: ASGIApp, patience: Patience | None = None) -> None:
        self._app = app
        self._patience = patience or _PATIENCE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; answer 408 if its body does not come."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrival = _Arrival(scope, receive, send, self._patience)
        with suppress(ClientDisconnect):  # there is nobody to answer, and nothing wrong here
            await self._app(scope, arrival.receive, arrival.send)


class _Arrival:
    """One body on its way. Only the time counts in which it was waited for."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: Patience) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._patience = patience
        self._num_bytes = 0
        self._waited_seconds = 0.0
        self._is_over = False
        self._has_answer = False
        self._has_stalled = False

    async def receive(self) -> Message:
        """Return what comes next; that the client has gone, if nothing comes."""
        if self._has_stalled:
            return _DISCONNECT
        if self._is_over:
            return await self._receive()
        began_at = time.monotonic()
        try:
            with fail_after(self._patience.find_limit(self._num_bytes) - self._waited_seconds):
                message = await self._receive()
        except TimeoutError:
            await self._give_up()
            return _DISCONNECT
        self._waited_seconds += time.monotonic() - began_at
        self._num_bytes += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send the app's answer, unless its request has been answered here."""
        if not self._has_stalled:
            self._has_answer = True
            await self._send(message)

    async def _give_up(self) -> None:
        self._has_stalled = True
        if not self._has_answer:
            await answer_error(BodyStalledError(self._num_bytes))(self._scope, self._receive, self._send)
