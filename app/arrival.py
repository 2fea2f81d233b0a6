"""How long a request's body may take to arrive, and how many bodies one client may be sending at a time."""

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

from anyio import fail_after
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.clients import find_client
from app.errors import AppError, BodyStalledError, QueueFullError
from app.problems import answer_error

_DISCONNECT = {"type": "http.disconnect"}


@dataclass(frozen=True)
class Patience:
    """How long a body is waited for.

    Attributes:
        slack_seconds: Allowance for all pauses together; a train in a tunnel uses up half of it.
        bytes_per_second: Lowest rate apart from the pauses.
        whole_seconds: Longest time for the whole body.
    """

    slack_seconds: float = 60.0
    bytes_per_second: float = 4_000.0
    whole_seconds: float = 7_200.0

    def find_limit(self, num_bytes: int) -> float:
        """Return the seconds that may have been spent waiting when so many bytes have arrived."""
        return min(self.slack_seconds + num_bytes / self.bytes_per_second, self.whole_seconds)


_PATIENCE = Patience()
_WHOLE_SECONDS = {"/verify": 900.0}
"""Where anyone may send, without the password: as long as the largest file takes at one megabit a second."""
_MOST_BODIES = 32
"""How many large bodies one client may be sending at a time: each is on the disk before it is checked."""
_LARGE_BYTES = 1_000_000
_RETRY_SECONDS = 5


class ArrivalMiddleware:
    """Ends requests whose body arrives too slowly: each holds a connection and a file until it is complete.

    Whatever reads the body is told that the client has disconnected.
    """

    def __init__(self, app: ASGIApp, patience: Patience | None = None) -> None:
        self._app = app
        self._patience = patience or _PATIENCE
        self._num_large: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 408 if its body does not arrive, 503 if the client sends too many at a time."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = min(_WHOLE_SECONDS.get(scope["path"], self._patience.whole_seconds), self._patience.whole_seconds)
        patience = replace(self._patience, whole_seconds=most)
        arrival = _Arrival(scope, receive, send, patience, self._num_large)
        try:
            with suppress(ClientDisconnect):  # there is nobody to answer, and nothing to report
                await self._app(scope, arrival.receive, arrival.send)
        finally:
            arrival.end()


class _Arrival:
    """One body that is arriving. Only the time spent waiting for it counts."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, patience: Patience, num_large: Counter[str]) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._patience = patience
        self._client = find_client(scope)
        self._num_large = num_large
        self._is_large = False
        self._num_bytes = 0
        self._waited_seconds = 0.0
        self._is_over = False
        self._has_answer = False
        self._has_given_up = False

    async def receive(self) -> Message:
        """Return the next message; a disconnect if none arrives."""
        if self._has_given_up:
            return _DISCONNECT
        if self._is_over:
            return await self._receive()
        began_at = time.monotonic()
        try:
            with fail_after(self._patience.find_limit(self._num_bytes) - self._waited_seconds):
                message = await self._receive()
        except TimeoutError:
            return await self._give_up(BodyStalledError(self._num_bytes))
        self._waited_seconds += time.monotonic() - began_at
        self._num_bytes += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        if self._is_over:
            self.end()
        elif self._num_bytes > _LARGE_BYTES and not self._is_large:
            if self._num_large[self._client] >= _MOST_BODIES:
                return await self._give_up(QueueFullError(_MOST_BODIES, _RETRY_SECONDS, "uploads", is_share=True))
            self._is_large = True
            self._num_large[self._client] += 1
        return message

    def end(self) -> None:
        """Free this body's place for another one."""
        if self._is_large:
            self._is_large = False
            self._num_large[self._client] -= 1
            if not self._num_large[self._client]:
                del self._num_large[self._client]

    async def send(self, message: Message) -> None:
        """Send the app's answer, unless the request has been answered here."""
        if not self._has_given_up:
            self._has_answer = True
            await self._send(message)

    async def _give_up(self, error: AppError) -> Message:
        self._has_given_up = True
        if not self._has_answer:
            await answer_error(error)(self._scope, self._receive, self._send)
        return _DISCONNECT
