"""The door: who comes in with a key, the password, or as a browser that is signed in; and how often one may guess."""

import asyncio
import base64
import binascii
import math
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.database import Database
from app.accounts.keys import PREFIX, KeyBook
from app.accounts.sessions import Session, SessionBook
from app.attempts import Attempts
from app.callers import Caller, set_caller
from app.clients import find_client
from app.errors import AccountsError, AppError, GuessesError, PasswordError
from app.log import start_task
from app.problems import answer_error

SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
"""The page on which a browser says its key or the password, once; and where it says that it is to be forgotten."""

OPEN_PATHS = frozenset({"/health", "/ready", "/verify", SIGN_IN})
"""Paths that are answered to everybody."""

OPEN_FILES = frozenset(
    {
        *(f"/ui/{name}" for name in ("icon.svg", "share.css", "verify.css", "verify.js")),
        *(f"/static/fonts/IBMPlexSans/IBMPlexSans-{weight}.woff2" for weight in ("Regular", "Bold")),
    }
)
"""What the open pages are made of: these files alone, which are the same for everybody."""

COOKIE = "video_lab_session"

_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Admission:
    """That somebody came in.

    Attributes:
        caller: Who.
        session: The browser, if it is signed in.
    """

    caller: Caller
    session: Session | None = None

    @property
    def may_end(self) -> bool:
        """Whether it can be taken back while its request is being answered."""
        return self.session is not None or self.caller.key_id is not None


class Door:
    """Decides who may come in. Whatever cannot be found out keeps it closed.

    Attributes:
        keys: All keys.
        sessions: All browsers that are signed in.
    """

    def __init__(self, database: Database, password: str | None, guesses: Attempts | None = None) -> None:
        """Prepare to decide.

        Args:
            database: Has the keys.
            password: Of those who see everything; None if there is none.
            guesses: Counts wrong keys and passwords together.
        """
        self.keys = KeyBook(database)
        self.sessions = SessionBook(database, password)
        self._password = None if password is None else password.encode()
        self._guesses = guesses or Attempts()

    @property
    def asks(self) -> bool:
        """Whether anybody is asked who he is: there is a password, or a key was made.

        Raises:
            AccountsError: That cannot be found out.
        """
        return self._password is not None or self.keys.asks

    def admit(self, scope: Scope) -> Admission:
        """Let somebody in.

        A browser that is signed in goes by that, since it may go on sending a password that it was once told.

        Raises:
            PasswordError: He says no key and no password, or a wrong one.
            GuessesError: Too many wrong ones came from there.
            AccountsError: The keys cannot be read.
        """
        headers, client = Headers(scope=scope), find_client(scope)
        if (token := _find_token(headers)) is not None:
            return Admission(self.check_key(token, client))
        if session := self.find_session(scope):
            return Admission(Caller(client, session.key_id), session)
        if "authorization" in headers:
            return Admission(self.check(_find_basic(headers), client))
        if self.asks:
            raise PasswordError(is_browser=_is_browser(headers), has_password=self._password is not None)
        return Admission(Caller(client))

    def check(self, secret: str, client: str) -> Caller:
        """Return whose key this is, or who knows the password; raises as `admit` does."""
        if self._password is None or secret.startswith(PREFIX):
            return self.check_key(secret, client)
        self._check_guesses(client)
        if secrets.compare_digest(_encode(secret), self._password):
            return Caller(client)
        return self._refuse(client)

    def check_key(self, token: str, client: str) -> Caller:
        """Return whose key this is; raises as `admit` does.

        A right key is let in however many guesses came from its address: nobody can guess it.
        """
        if token.startswith(PREFIX) and (key := self.keys.find(token)):
            return Caller(client, key.id)
        if not self.asks:
            return Caller(client)
        self._check_guesses(client)
        return self._refuse(client)

    def find_session(self, scope: Scope) -> Session | None:
        """Return the browser that sends a request, if it is signed in.

        Raises:
            AccountsError: That cannot be found out.
        """
        token = HTTPConnection(scope).cookies.get(COOKIE)
        return self.sessions.find(token) if token and self.asks else None

    def is_open_to(self, admission: Admission) -> bool:
        """Whether somebody who came in may stay.

        Raises:
            AccountsError: That cannot be found out.
        """
        if admission.session is not None:
            return self.sessions.get(admission.session.hash) is not None
        return admission.caller.key_id is None or self.keys.get(admission.caller.key_id) is not None

    def note_use(self, admission: Admission) -> None:
        """Note when the key and the browser were used last. Nobody is kept out because that cannot be noted."""
        with suppress(AccountsError):
            if admission.caller.key_id is not None:
                self.keys.note_use(admission.caller.key_id)
            if admission.session is not None:
                self.sessions.note_use(admission.session)

    def _check_guesses(self, client: str) -> None:
        if wait := self._guesses.find_wait(client):
            raise GuessesError(math.ceil(wait))  # even the right password: otherwise guessing could go on

    def _refuse(self, client: str) -> NoReturn:
        self._guesses.add(client)
        raise PasswordError(is_wrong=True, has_password=self._password is not None)


class AccessMiddleware:
    """Lets in whom the door admits, tells all behind it who it is, and ends the answers of those who may not stay."""

    def __init__(self, app: ASGIApp, door: Door, *, has_page: bool = False) -> None:
        """Stand before an app.

        Args:
            app: All routes, and the page.
            door: Decides.
            has_page: Whether browsers are led to the page on which they sign in.
        """
        self._app = app
        self._door = door
        self._has_page = has_page
        self._guests = Guests(door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 303, 401, 429 or 503."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS or scope["path"] in OPEN_FILES:
            await self._app(scope, receive, send)
            return
        try:
            admission = self._door.admit(scope)
        except AppError as error:
            await self._refuse(error, scope, receive, send)
            return
        set_caller(scope, admission.caller)
        if admission.may_end:
            await self._guests.serve(admission, self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _refuse(self, error: AppError, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif self._has_page and isinstance(error, PasswordError) and _is_opening(scope):
            await _lead_to_sign_in(scope)(scope, receive, send)
        else:
            await answer_error(error)(scope, receive, send)


@dataclass(eq=False)
class _Visit:
    """A request that is being answered, to somebody whose key or sign-in can be taken back."""

    admission: Admission
    limit: asyncio.Timeout
    is_begun: bool = False
    is_stream: bool = True

    def watch(self, message: Message) -> None:
        """Note how far the answer is, and whether it is one without an end of its own."""
        if message["type"] == "http.response.start":
            self.is_begun = True
            self.is_stream = "content-length" not in Headers(raw=message["headers"])

    def end(self) -> None:
        """Stop answering; a file that is on its way is sent."""
        if self.is_stream and not self.limit.expired():
            self.limit.reschedule(0)


class Guests:
    """Those who may have to leave: a few times a second it is seen whether their keys and sign-ins still count."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._visits: set[_Visit] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._notes = ThreadPoolExecutor(1, "note-use")  # which may wait for the database: nothing else may wait for it
        self._noted: set[Admission] = set()

    async def serve(self, admission: Admission, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered for as long as who sent it may stay."""
        visit = _Visit(admission, asyncio.timeout(None))

        async def send_watched(message: Message) -> None:
            visit.watch(message)
            await send(message)

        try:
            async with visit.limit:
                self._add(visit)
                await app(scope, receive, send_watched)
        except TimeoutError:
            if not visit.limit.expired():
                raise
            await _cut_off(visit, scope, receive, send)
        finally:
            self._visits.discard(visit)

    def _add(self, visit: _Visit) -> None:
        self._visits.add(visit)
        if visit.admission not in self._noted:
            self._noted.add(visit.admission)
            self._notes.submit(self._note_use, visit.admission)
        if self._watcher is None or self._watcher.done():
            self._watcher = start_task(self._watch())

    def _note_use(self, admission: Admission) -> None:
        try:
            self._door.note_use(admission)
        finally:
            self._noted.discard(admission)

    async def _watch(self) -> None:
        while self._visits:
            await asyncio.sleep(_LOOK_SECONDS)
            admissions = {visit.admission for visit in self._visits}
            with suppress(AccountsError):  # who has come in may stay until it is known that he may not
                ended = {admission for admission in admissions if not self._door.is_open_to(admission)}
                for visit in self._visits:
                    if visit.admission in ended:
                        visit.end()


async def _cut_off(visit: _Visit, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    elif visit.is_begun:
        await send({"type": "http.response.body", "body": b""})
    else:
        await answer_error(PasswordError(is_wrong=True))(scope, receive, send)


def _find_token(headers: Headers) -> str | None:
    """Return the key of a header that is for nothing but keys."""
    if "x-api-key" in headers:
        return headers["x-api-key"].strip()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _find_basic(headers: Headers) -> str:
    """Return the password of HTTP Basic authentication; "" if that is not what the header has."""
    scheme, _, credentials = headers["authorization"].partition(" ")
    try:
        _, _, password = base64.b64decode(credentials, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return ""
    return password.decode(errors="surrogateescape") if scheme.lower() == "basic" else ""


def _encode(secret: str) -> bytes:
    return secret.encode(errors="surrogateescape")


def _is_browser(headers: Headers) -> bool:
    return "sec-fetch-mode" in headers


def _is_opening(scope: Scope) -> bool:
    """Whether somebody opens an address in a browser, and says nothing of who he is."""
    headers = Headers(scope=scope)
    is_page = "text/html" in headers.get("accept", "") and headers.get("sec-fetch-mode", "navigate") == "navigate"
    return is_page and scope["method"] == "GET" and not {"authorization", "x-api-key"} & set(headers)


def _lead_to_sign_in(scope: Scope) -> Response:
    query = scope["query_string"].decode("latin-1")
    back = scope["path"] + (f"?{query}" if query else "")
    location = SIGN_IN if back == "/" else f"{SIGN_IN}?{urlencode({'next': back})}"
    return RedirectResponse(location, 303, headers={"Cache-Control": "no-store"})
