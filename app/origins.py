"""Who may talk to the app: its own pages, and programs that are not browsers, under the app's own names."""

import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import CrossSiteError, HostError
from app.problems import answer_error
from app.settings import Settings

ANSWERED_TO_ALL = frozenset({"/health", "/ready"})
"""Paths that are answered under any name, so that monitoring needs no name."""

_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home", ".home.arpa")
"""Suffixes that nobody can register, so that no site on the internet can point them here."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.%]+\]|[a-z0-9_.-]+)(:(?P<port>\d{1,5}))?", re.ASCII | re.IGNORECASE)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\s]+)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Hosts:
    """The names under which the app is reached.

    Without this, a site could have its own name lead to this machine, and its pages would then be of the same origin.
    Addresses are no names and cannot be led anywhere.

    Attributes:
        names: Whole names, and `*.` before the end of names; `*` is any name.
        local: Whether names of local networks are ours, too.
    """

    names: frozenset[str]
    local: bool = True

    def have(self, host: str) -> bool:
        """Whether the value of a `Host` header is one of them."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = _clean(match["name"])
        ends = (f"*{name[place:]}" for place in range(len(name)) if name[place] == ".")
        return (
            not self.names.isdisjoint({"*", name, *ends})
            or _is_address(name)
            or name == "localhost"
            or (self.local and ("." not in name or name.endswith(_LOCAL_SUFFIXES)))
        )


def find_hosts(settings: Settings) -> Hosts:
    """Return the configured names, or else those that can only be ours.

    With a password any name will do: the browser sends it to no site under whose name it was not typed.
    """
    names = {settings.host, socket.gethostname(), settings.public_url.host if settings.public_url else None}
    if settings.allowed_hosts:
        names = {settings.public_url.host if settings.public_url else None, *settings.allowed_hosts}
    elif settings.password is not None:
        names = {"*"}
    return Hosts(frozenset(_clean(name) for name in names if name), local=not settings.allowed_hosts)


def find_public_origin(settings: Settings) -> str:
    """Return the origin of the pages at the public address; "" if there is none."""
    url = settings.public_url
    return f"{url.scheme}://{url.host}:{url.port}" if url else ""


class OriginMiddleware:
    """Refuses requests from pages of other sites before any route sees them.

    Browsers say where a request comes from; they do so for forms and for scripts, and a page cannot change it. What
    only reads is refused if a script of another site asks for it. Images and links of other sites are let through.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, public_origin: str = "") -> None:
        self._app = app
        self._hosts = hosts
        self._public = _parse_origin(public_origin)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 or 421."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        error = self._find_error(scope)
        if error is None:
            # The decision is made here alone: Gradio would use it to let scripts of other sites read the answer.
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"origin"]
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer_error(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _find_error(self, scope: Scope) -> HostError | CrossSiteError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host and scope["path"] not in ANSWERED_TO_ALL and not self._hosts.have(host):
            return HostError(host)
        return None if self._is_own(scope, headers, host) else CrossSiteError()

    def _is_own(self, scope: Scope, headers: Headers, host: str) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in _OWN_SITE:
            return True
        if site is not None and scope.get("method") not in _SAFE_METHODS:
            return False
        return origin is None or self._is_own_origin(origin, scope["scheme"], host)

    def _is_own_origin(self, origin: str, scheme: str, host: str) -> bool:
        """Compare with the name and port that the browser used. The scheme may differ: a proxy may terminate TLS."""
        parsed, own = _parse_origin(origin), _HOST.fullmatch(host)
        if parsed is None or own is None:
            return False
        theirs, name, port = parsed
        is_secure_enough = theirs == "https" or scheme in {"http", "ws"}
        asked = (_clean(own["name"]), int(own["port"] or _PORTS[theirs]))
        return (is_secure_enough and (name, port) == asked) or parsed == self._public


def _parse_origin(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, name and port; None if it is not a site, such as a file or a sandboxed page."""
    match = _ORIGIN.fullmatch(origin)
    host = _HOST.fullmatch(match["host"]) if match else None
    if match is None or host is None:
        return None
    scheme = match["scheme"].lower()
    return scheme, _clean(host["name"]), int(host["port"] or _PORTS[scheme])


def _clean(name: str) -> str:
    return name.lower().strip("[]").rstrip(".")


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(name))
    return False
