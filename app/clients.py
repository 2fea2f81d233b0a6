"""Who a client is: the address of its connection, or the one that a trusted proxy reports."""

import logging
from collections.abc import Iterable, MutableMapping, Sequence
from contextlib import suppress
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.origins import Hosts
from app.settings import Network

UNKNOWN = "unknown"
"""The client of a connection that has no address, such as one over a Unix socket."""

_IPV6_BITS = 64
"""The prefix that one IPv6 customer gets: all of its addresses count as the same client."""

_NOT_TRUSTED = (
    "A request came with X-Forwarded-For from an address that is not in VIDEO_LAB_TRUSTED_PROXIES, so it was not "
    "believed. If a proxy is before the app, everyone behind it is one client until its address is set there."
)
_log = logging.getLogger(__name__)

_SCHEMES = {"http": "ws", "https": "wss"}
_FORWARDED = frozenset({b"forwarded", b"x-real-ip", b"x-gradio-server"})
"""Besides those that begin with X-Forwarded. By the last one Gradio finds its own address."""


def find_client(scope: MutableMapping[str, Any]) -> str:
    """Return a short text that identifies a client: its IPv4 address, or the /64 network of its IPv6 address.

    Args:
        scope: Of a request that has passed `ClientMiddleware`.
    """
    address = scope.get("client")
    return _shorten(address[0]) if address else UNKNOWN


class ClientMiddleware:
    """Puts the client's own address, scheme and host into the scope of requests that come through a trusted proxy.

    Nothing behind it sees any forwarding header, so nobody else's claims about hosts and addresses are believed.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[Network], hosts: Hosts) -> None:
        self._app = app
        self._trusted = trusted
        self._hosts = hosts
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the client sent it."""
        if scope["type"] != "lifespan":
            said, scope = Headers(scope=scope), _without_forwarded(scope)
            if self._is_trusted((scope.get("client") or [""])[0]):
                self._believe(scope, said)
            elif "x-forwarded-for" in said and not self._has_warned:
                self._has_warned = True
                _log.warning(_NOT_TRUSTED)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope, said: Headers) -> None:
        if addresses := [_parse(part) for part in _split(said.getlist("x-forwarded-for"))]:
            scope["client"] = (self._find_nearest(addresses), 0)
        _believe_scheme(scope, said)
        hosts = _split(said.getlist("x-forwarded-host"))
        # Proxies that leave the Host header alone also pass this one on, even if the client made it up.
        if hosts and self._hosts.have(said.get("host", "")):
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope["headers"] = [(b"host", hosts[-1].encode("latin-1")), *others]

    def _find_nearest(self, addresses: list[str]) -> str:
        """Return the last address that is not a trusted proxy's; that client may have made up those before it."""
        return next((one for one in reversed(addresses) if not self._is_trusted(one)), addresses[0])

    def _is_trusted(self, address: str) -> bool:
        with suppress(ValueError):
            parsed = ip_address(address)
            parsed = (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
            return any(parsed in network for network in self._trusted)
        return False


class SchemeMiddleware:
    """Believes X-Forwarded-Proto whoever sent it: for places where the app can only be reached through a proxy.

    Add it after `ClientMiddleware`, which takes the header away.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with the scheme that the client used."""
        if scope["type"] != "lifespan":
            _believe_scheme(scope, Headers(scope=scope))
        await self._app(scope, receive, send)


def _believe_scheme(scope: Scope, said: Headers) -> None:
    scheme = (_split(said.getlist("x-forwarded-proto")) or [""])[-1].lower()
    if scheme in _SCHEMES:
        scope["scheme"] = _SCHEMES[scheme] if scope["type"] == "websocket" else scheme


def _without_forwarded(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if not _is_forwarded(name.lower())]
    return {**scope, "headers": headers}


def _is_forwarded(name: bytes) -> bool:
    return name in _FORWARDED or name.startswith(b"x-forwarded-")


def _split(values: Iterable[str]) -> list[str]:
    """Return the parts of a header that proxies append to; the nearest proxy's is last."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _parse(text: str) -> str:
    """Return the address without port and brackets."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return UNKNOWN


def _shorten(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64] or UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((int(parsed), _IPV6_BITS), strict=False))
