"""The one password, and how often it may be guessed."""

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

OPEN_PATHS = frozenset({"/health"})
"""What needs no password."""

_GUESSES = 10
"""Wrong passwords that a client may send at once; many people share the address of an office."""
_SECONDS_PER_GUESS = 1.0
_MAX_CLIENTS = 10_000


class Guesses:
    """How many more wrong passwords each client may send.

    Args:
        clock: Seconds from any point in time on.
        max_clients: Those that are remembered; then the one whose last wrong password is longest ago is forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_clients: int = _MAX_CLIENTS) -> None:
        self._clock = clock
        self._max_clients = max_clients
        self._free_at: OrderedDict[str, float] = OrderedDict()  # when all is forgiven

    def find_wait(self, client: str) -> float:
        """Return the seconds until the client's password is looked at again; 0 if it is now."""
        debt = self._free_at.get(client, 0.0) - self._clock()
        return max(0.0, debt - (_GUESSES - 1) * _SECONDS_PER_GUESS)

    def add(self, client: str) -> None:
        """Count a wrong password."""
        now = self._clock()
        self._free_at[client] = max(self._free_at.pop(client, 0.0), now) + _SECONDS_PER_GUESS
        while len(self._free_at) > self._max_clients:
            self._free_at.popitem(last=False)


class PasswordMiddleware:
    """Asks everyone for the one password, with HTTP Basic authentication."""

    def __init__(self, app: ASGIApp, password: str, guesses: Guesses | None = None) -> None:
        self._app = app
        self._password = password.encode()
        self._guesses = guesses or Guesses()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401 or 429."""
        error = None if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS else self._find_error(scope)
        if error is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer_error(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _find_error(self, scope: Scope) -> PasswordError | GuessesError | None:
        given = Headers(scope=scope).get("authorization")
        if given is None:
            return PasswordError()  # browsers ask first
        client = find_client(scope)
        if wait := self._guesses.find_wait(client):
            return GuessesError(math.ceil(wait))  # a right one, too: otherwise all could be tried
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
