"""The guard: which URLs of clients the server itself may ask.

A client that names a URL borrows the server's place in the network. So only names of the public Internet are asked, a
name is looked up once, every address that it has is checked, and the connection goes to one of those: a name that
answers differently the next time leads nowhere.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import cast
from urllib.parse import SplitResult, urlsplit

import idna
from anyio import CapacityLimiter
from anyio.lowlevel import RunVar

from app.outbound.destination import DEFAULT_PORTS, Address, Destination, OutboundError, Target
from pipeline.errors import InputError
from pipeline.notices import Field

LookUp = Callable[[str, int], Awaitable[tuple[Address, ...]]]
"""Returns the addresses of a name."""

MAX_CHARACTERS = 2000

_ODD = re.compile(r"[^\x21-\x7e]|[\\<>\"`{}|^]")
"""Readers of URLs do not agree on these, and what the guard reads must be what is asked."""
_NUMBER = re.compile(r"(0x[0-9a-f]*|\d+)", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa", "test")
_OTHER_SERVICES = frozenset({
    1433, 1521, 1723, 1883, 2049, 2375, 2379, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5671, 5672, 5900, 6000,
    6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 10080, 11211, 27017,
})  # fmt: skip
"""Ports from 1024 on at which well-known services listen that do not speak HTTP."""

_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_NEVER = (
    IPv4Network("192.0.0.0/24"),  # of protocols
    IPv4Network("192.88.99.0/24"),  # relays from 6to4
    IPv6Network("2001::/23"),  # of protocols; Teredo, whose addresses have two others inside, is among them
    IPv6Network("3fff::/20"),  # documentation, which Python 3.11 does not know
)
_LOOKUPS_AT_ONCE = 16
_LOOKUP_SECONDS = 5.0
_lookups = RunVar[dict[Field, CapacityLimiter]]("video_lab_lookups")
"""Each field's names have places of their own: files whose name server is dead hold up no webhooks."""


def is_public(address: Address) -> bool:
    """Return whether an address is one of the public Internet that a single host has; so must be one inside of it."""
    if isinstance(address, IPv6Address):
        inside = _find_inside(address)
        if inside is not None:
            return is_public(inside)
        if address not in _GLOBAL_IPV6 or address.scope_id is not None:
            return False
    elif address.is_reserved:  # of IPv6, 2000::/3 alone is none of the reserved ones
        return False
    return address.is_global and not address.is_multicast and not any(address in network for network in _NEVER)


def _find_inside(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def check_url(url: str, allowed_hosts: Collection[str] = (), about: Field = "callback_url") -> Target:
    """Read a URL, and refuse what can be refused without looking up its name.

    Args:
        url: As the client wrote it.
        allowed_hosts: Names and addresses, each perhaps with `:port`, that may also be http or private; those of
            IPv6 stand in brackets.
        about: The field that has the URL.

    Raises:
        InputError: It cannot be read, or nobody may name it.
    """
    parts = _split(url, about)
    host, port = _read_host(parts, about), _read_port(parts, about)
    spelled = f"[{host}]" if ":" in host else host
    is_allowed = bool({spelled, f"{spelled}:{port}"} & {name.lower() for name in allowed_hosts})
    if not is_allowed:
        _check_reach(parts.scheme, host, port, about)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target("http" if parts.scheme == "http" else "https", host, port, path, is_allowed)


def _split(url: str, about: Field) -> SplitResult:
    try:
        ascii_url = _encode_host(url)
        parts = urlsplit(ascii_url)
    except ValueError:
        raise InputError("url.unreadable", about) from None
    if len(ascii_url) > MAX_CHARACTERS:
        raise InputError("url.too_long", about, most=MAX_CHARACTERS)
    if _ODD.search(ascii_url) or parts.scheme not in DEFAULT_PORTS or not parts.netloc:
        raise InputError("url.unreadable", about)
    if "@" in parts.netloc:
        raise InputError("url.user", about)
    return parts


def _encode_host(url: str) -> str:
    """Write a name of letters outside of ASCII as the Internet does; all else stays as it is."""
    parts = urlsplit(url)
    if url.isascii() or parts.hostname is None:
        return url
    encoded = idna.encode(parts.hostname, uts46=True).decode()
    return parts._replace(netloc=parts.netloc.lower().replace(parts.hostname, encoded)).geturl()


def _read_host(parts: SplitResult, about: Field) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if "[" in parts.netloc:
        return _read_address(host, about, IPv6Address)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # systems take such a name for an address, however it is spelled
        return _read_address(host, about, IPv4Address)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise InputError("url.unreadable", about)
    return host


def _read_address(host: str, about: Field, kind: type[Address]) -> str:
    try:
        address = kind(host)
    except ValueError:
        raise InputError("url.disguised", about) from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise InputError("url.disguised", about)
    return str(address)


def _read_port(parts: SplitResult, about: Field) -> int:
    try:
        port = parts.port
    except ValueError:
        raise InputError("url.unreadable", about) from None
    return DEFAULT_PORTS[parts.scheme] if port is None else port


def _check_reach(scheme: str, host: str, port: int, about: Field) -> None:
    if scheme != "https":
        raise InputError("url.not_https", about)
    if (port < 1024 and port != 443) or port in _OTHER_SERVICES:
        raise InputError("url.port", about, port=port)
    try:
        is_reachable = is_public(ip_address(host))
    except ValueError:
        is_reachable = "." in host and not f".{host}".endswith(tuple(f".{name}" for name in _PRIVATE_NAMES))
    if not is_reachable:
        raise InputError("url.private", about)


async def look_up(host: str, port: int) -> tuple[Address, ...]:
    """Return the addresses of a name, as this computer finds them.

    Raises:
        OSError: It has none.
    """
    found: Future[tuple[Address, ...]] = Future()
    # A thread that nothing waits for when the server ends: a name server that never answers holds up no other work.
    threading.Thread(target=_ask, args=(host, port, found), name="lookup", daemon=True).start()
    return await asyncio.wrap_future(found)


def _ask(host: str, port: int, found: "Future[tuple[Address, ...]]") -> None:
    addresses: tuple[Address, ...] = ()
    failure: Exception | None = None
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        addresses = tuple(dict.fromkeys(ip_address(cast("str", place[0])) for *_, place in places))
    except (OSError, ValueError) as error:
        failure = error
    if not found.set_running_or_notify_cancel():
        return  # nobody waits any more
    if failure is None:
        found.set_result(addresses)
    else:
        found.set_exception(failure)


def _find_limiter(about: Field) -> CapacityLimiter:
    limiters = _lookups.get(None)
    if limiters is None:
        limiters = {}
        _lookups.set(limiters)
    return limiters.setdefault(about, CapacityLimiter(_LOOKUPS_AT_ONCE))


async def resolve(
    url: str, allowed_hosts: Collection[str] = (), *, about: Field = "callback_url", look_up: LookUp = look_up
) -> Destination:
    """Look up a URL's name, once, and check every address that it has.

    Args:
        url: As the client wrote it.
        allowed_hosts: As `check_url` takes them.
        about: The field that has the URL.
        look_up: Finds addresses.

    Raises:
        InputError: The URL cannot be read, or nobody may name it.
        OutboundError: Its name has no address, or one that is not public.
    """
    target = check_url(url, allowed_hosts, about)
    try:
        async with _find_limiter(about), asyncio.timeout(_LOOKUP_SECONDS):  # whose turn it is not, has all its seconds
            addresses = await look_up(target.host, target.port)
    except (OSError, ValueError):
        addresses = ()
    if not addresses:
        raise OutboundError("url.no_name")
    if not (target.is_allowed or all(map(is_public, addresses))):
        raise OutboundError("url.leads_inside")
    return Destination(target, addresses)
