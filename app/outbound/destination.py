"""Where a request goes: a URL that was read, and the addresses that were checked for it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from pipeline.notices import Notice, Value

Address = IPv4Address | IPv6Address


class OutboundError(Exception):
    """A request to an address that a client named came to nothing.

    Attributes:
        code: Of the notice that says why; it names no address.
        values: Of the notice.
    """

    def __init__(self, code: str, **values: Value) -> None:
        self.code, self.values = code, values
        super().__init__(Notice(code, "request", values).text)


@dataclass(frozen=True)
class Target:
    """What a URL says.

    Attributes:
        scheme: https, or http to a host that may have it.
        host: A name in ASCII and lower case, or an address without brackets.
        port: Of the host.
        path: With the query, as it is sent.
        is_allowed: Whether the operator named the host, so that it may have http, any port and any address.
    """

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    is_allowed: bool

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Destination:
    """A target with the addresses that its name had when they were checked; nothing looks it up again.

    Attributes:
        target: What the URL says.
        addresses: At least one, in the order in which they are to be tried.
    """

    target: Target
    addresses: tuple[Address, ...]


DEFAULT_PORTS = {"http": 80, "https": 443}
