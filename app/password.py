"""The app's password, and how often it may be guessed."""

import base64
import binascii
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.clients import find_client
from app.errors import GuessesError, PasswordError
from app.problems import answer_error

OPEN_PATHS = frozenset({"/health", "/verify"})
"""Paths that need no password."""

OPEN_FILES = frozenset(
    {
        *(f"/ui/{name}" for name in ("icon.svg", "share.css", "verify.css", "verify.js")),
        *(f"/static/fonts/IBMPlexSans/IBMPlexSans-{weight}.woff2" for weight in ("Regular", "Bold")),
    }
)
"""What the page at `/verify` is made of: these files alone, which are the same for everybody."""

_GUESSES = 10
"""How many wrong passwords a client may send in a row; the people of an office share one address."""
_SECONDS_PER_GUESS = 1.0
_MAX_CLIENTS = 10_000


class Attempts:
    """Counts how often each client may still do something, such as send a wrong password.

    Args:
        clock: Seconds from any point in time on.
        max_clients: Those that are remembered; then the one whose last attempt is longest ago is forgotten.
        in_a_row: How many attempts a client may make at once.
        seconds_each: After which each of them is forgotten, one after the other.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        max_clients: int = _MAX_CLIENTS,
        *,
        in_a_row: int = _GUESSES,
        seconds_each: float = _SECONDS_PER_GUESS,
    ) -> None:
        self._clock = clock
        self._spare_seconds = (in_a_row - 1) * seconds_each
        self._seconds_each = seconds_each
        self._max_clients = max_clients
        self._free_at: OrderedDict[str, float] = OrderedDict()  # when all are forgotten

    def find_wait(self, client: str) -> float:
        """Return the seconds until the client may make another attempt; 0 if it may now."""
        debt = self._free_at.get(client, 0.0) - self._clock()
        return max(0.0, debt - self._spare_seconds)

    def add(self, client: str) -> None:
        """Count an attempt."""
        now = self._clock()
        self._free_at[client] = max(self._free_at.pop(client, 0.0), now) + self._seconds_each
        while len(self._free_at) > self._max_clients:
            self._free_at.popitem(last=False)

    def give_back(self, client: str) -> None:
        """Count an attempt no more, which was not the client's fault."""
        if client in self._free_at:
            self._free_at[client] -= self._seconds_each


class PasswordMiddleware:
    """Asks everyone for the password, with HTTP Basic authentication."""

    def __init__(self, app: ASGIApp, password: str, guesses: Attempts | None = None) -> None:
        self._app = app
        self._password = password.encode()
        self._guesses = guesses or Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401 or 429."""
        is_open = scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS or scope["path"] in OPEN_FILES
        error = None if is_open else self._find_error(scope)
        if error is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer_error(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _find_error(self, scope: Scope) -> PasswordError | GuessesError | None:
        given = Headers(scope=scope).get("authorization")
        if given is None:
            return PasswordError()  # browsers send the first request without it
        client = find_client(scope)
        if wait := self._guesses.find_wait(client):
            return GuessesError(math.ceil(wait))  # even a right one: otherwise guessing could go on
        if self._is_right(given):
            return None
        self._guesses.add(client)
        return PasswordError()

    def _is_right(self, given: str) -> bool:
        scheme, _, credentials = given.partition(" ")
        try:
            _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and secrets.compare_digest(password, self._password)
