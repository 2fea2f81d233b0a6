"""Clients are told apart by their address, and proxies are believed only where they are trusted."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.clients import ClientMiddleware, SchemeMiddleware, find_client
from app.origins import Hosts
from app.settings import Settings


def pass_on(peer: str | None, headers: dict[str, str], host: str = "app:7860", times: int = 1) -> dict[str, Any]:
    """Return the scope that the app sees."""
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)

    async def receive() -> Message:
        raise AssertionError("Nothing is read.")

    async def send(message: Message) -> None:
        raise AssertionError("Nothing is sent.")

    scope = {
        "type": "http",
        "scheme": "http",
        "client": (peer, 1234) if peer else None,
        "headers": [(b"host", host.encode()), *((name.encode(), value.encode()) for name, value in headers.items())],
    }
    settings = Settings(trusted_proxies="10.0.0.0/24, fd00::1")  # type: ignore[arg-type] # as the environment has it
    middleware = ClientMiddleware(app, settings.trusted_proxies, Hosts(frozenset()))
    for _ in range(times):
        asyncio.run(middleware(scope, receive, send))
    return seen


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        (None, "unknown"),
    ],
)
def test_names_a_client(address: str | None, client: str) -> None:
    assert find_client({"client": (address, 1) if address else None}) == client
    assert find_client({}) == "unknown"


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.7", "192.0.2.1", "192.0.2.1"),
        ("::ffff:10.0.0.7", "192.0.2.1", "192.0.2.1"),
        ("fd00::1", "[2001:db8::1]:443", "2001:db8::/64"),
        ("10.0.0.7", "203.0.113.9, 192.0.2.1:5000, 10.0.0.8", "192.0.2.1"),
        ("10.0.0.7", "203.0.113.9, made-up", "unknown"),
        ("10.0.0.7", "10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("10.0.0.7", "", "10.0.0.7"),
        ("192.0.2.50", "203.0.113.9", "192.0.2.50"),
        ("127.0.0.1", "203.0.113.9", "127.0.0.1"),
        (None, "203.0.113.9", "unknown"),
    ],
)
def test_only_a_trusted_proxy_says_who_a_client_is(peer: str | None, forwarded: str, client: str) -> None:
    assert find_client(pass_on(peer, {"x-forwarded-for": forwarded})) == client


@pytest.mark.parametrize("peer", ["10.0.0.7", "127.0.0.1"])
def test_no_header_of_a_proxy_goes_further(peer: str) -> None:
    said = {"x-forwarded-host": "a.test, b.test", "x-forwarded-proto": "https", "X-Forwarded-For": "1.2.3.4"}
    said |= {"forwarded": "host=a.test", "x-real-ip": "1.2.3.4", "x-forwarded-prefix": "/x", "x-gradio-server": "a"}
    scope = pass_on(peer, said)
    trusted = peer == "10.0.0.7"
    assert scope["headers"] == [(b"host", b"b.test" if trusted else b"app:7860")]
    assert scope["scheme"] == ("https" if trusted else "http")


@pytest.mark.parametrize(
    ("kind", "said", "scheme"), [("http", "https", "https"), ("websocket", "https", "wss"), ("http", "x", "http")]
)
def test_the_scheme_may_be_believed_alone(kind: str, said: str, scheme: str) -> None:
    headers = [(b"x-forwarded-proto", said.encode()), (b"x-forwarded-for", b"1.2.3.4")]
    scope = {"type": kind, "scheme": "http", "headers": headers, "client": ("192.0.2.1", 1)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (scope["scheme"], find_client(scope)) == (scheme, "192.0.2.1")

    asyncio.run(SchemeMiddleware(app)(scope, _nothing, _nothing))  # type: ignore[arg-type] # neither is called


async def _nothing(*_: object) -> None:
    raise AssertionError("Nothing is read or sent.")


@pytest.mark.parametrize(("peer", "times"), [("127.0.0.1", 1), ("10.0.0.7", 0)])
def test_says_once_that_a_proxy_is_not_trusted(peer: str, times: int, caplog: pytest.LogCaptureFixture) -> None:
    pass_on(peer, {"x-forwarded-for": "192.0.2.1"}, times=3)
    assert caplog.text.count("VIDEO_LAB_TRUSTED_PROXIES") == times
    assert "192.0.2.1" not in caplog.text


def test_a_proxy_that_passes_foreign_names_on_is_not_believed_about_names() -> None:
    scope = pass_on("10.0.0.7", {"x-forwarded-host": "app.test"}, host="evil.test")
    assert scope["headers"] == [(b"host", b"evil.test")]
