"""Pages of other sites get nothing, whatever the browser says of them; own pages and programs get everything."""

import socket

import httpx
import pytest
from anyio import run
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from app.origins import Hosts, OriginMiddleware, find_hosts, find_public_origin
from app.settings import Settings
from tests.app.server import Server

OWN = "http://app.test:7860"
HOSTS = Hosts(frozenset({"app.test", "*.example.com"}))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse(dict(Request(scope).headers))(scope, receive, send)


def ask(method: str, headers: dict[str, str], url: str = OWN, public: str = "https://video.example.com:443") -> int:
    async def send() -> int:
        transport = httpx.ASGITransport(OriginMiddleware(echo, HOSTS, public))
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.request(method, url, headers=headers)
            assert "origin" not in (answer.json() if answer.content and answer.is_success else {})
            return answer.status_code

    return run(send)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin", "origin": OWN}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "same-site", "origin": OWN}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "nonsense"}, False),
        ({"origin": OWN}, True),
        ({"origin": "https://app.test:7860"}, True),
        ({"origin": "HTTP://APP.test:7860"}, True),
        ({"origin": "https://video.example.com"}, True),
        ({"origin": "http://video.example.com"}, False),
        ({"origin": "http://app.test"}, False),
        ({"origin": "http://app.test:7861"}, False),
        ({"origin": "http://evil.test:7860"}, False),
        ({"origin": "http://app.test:7860.evil.test"}, False),
        ({"origin": "http://app.test:7860@evil.test"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"origin": "file://"}, False),
        ({"origin": "chrome-extension://app.test"}, False),
    ],
)
def test_only_own_pages_and_programs_change_anything(method: str, headers: dict[str, str], *, allowed: bool) -> None:
    assert ask(method, headers) == (200 if allowed else 403)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, True),
        ({"origin": OWN}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://evil.test"}, False),
        ({"origin": "http://evil.test", "access-control-request-method": "POST"}, False),
        ({"origin": "null"}, False),
    ],
)
def test_scripts_of_other_sites_read_nothing(method: str, headers: dict[str, str], *, allowed: bool) -> None:
    assert ask(method, headers) == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("url", "origin", "allowed"),
    [
        ("https://app.test", "https://app.test", True),
        ("https://app.test", "https://app.test:443", True),
        ("https://app.test", "http://app.test", False),
        ("https://app.test", "http://app.test:443", False),
        ("http://[::1]:7860", "http://[::1]:7860", True),
        ("http://[::1]:7860", "http://[::2]:7860", False),
    ],
)
def test_an_origin_is_scheme_name_and_port(url: str, origin: str, *, allowed: bool) -> None:
    assert ask("POST", {"origin": origin}, url) == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("app.test", 200),
        ("APP.test.:99", 200),
        ("a.example.com", 200),
        ("a.b.example.com", 200),
        ("example.com", 421),
        ("evil.test", 421),
        ("app.test.evil.test", 421),
        ("evilapp.test", 421),
        ("evil.test:7860@app.test", 421),
        ('app.test"><script>', 421),
        ("localhost:7860", 200),
        ("192.168.1.20:7860", 200),
        ("[fd00::7]:7860", 200),
        ("mybox", 200),
        ("mybox.local:7860", 200),
        ("mybox.local.evil.test", 421),
        ("", 200),
    ],
)
def test_answers_under_names_of_its_own(host: str, status: int) -> None:
    assert ask("GET", {"host": host}) == status
    assert ask("GET", {"host": host}, f"{OWN}/health") == 200


def test_a_name_that_is_led_to_this_machine_is_no_origin_of_ours() -> None:
    assert ask("POST", {"host": "evil.test:7860", "origin": "http://evil.test:7860"}) == 421
    assert ask("GET", {"host": "evil.test:7860", "sec-fetch-site": "same-origin"}) == 421


@pytest.mark.parametrize(
    ("settings", "ours", "others"),
    [
        ({}, {"localhost", "10.0.0.1", "mybox", socket.gethostname()}, {"video.example.com"}),
        ({"host": "me.example.com"}, {"me.example.com"}, {"video.example.com"}),
        ({"public_url": "https://Video.example.com/x"}, {"video.example.com", "mybox.lan"}, {"example.com"}),
        ({"password": "correct horse"}, {"video.example.com"}, set()),
        ({"allowed_hosts": "a.test, B.test"}, {"a.test", "b.test", "::1", "localhost"}, {"mybox.lan", "mybox"}),
        ({"allowed_hosts": "a.test", "password": "correct horse"}, {"a.test"}, {"b.test"}),
        ({"allowed_hosts": "a.test", "public_url": "http://b.test"}, {"a.test", "b.test"}, {"c.test"}),
        ({"allowed_hosts": "*"}, {"c.test"}, set()),
    ],
)
def test_which_names_are_its_own(settings: dict[str, str], ours: set[str], others: set[str]) -> None:
    hosts = find_hosts(Settings(**settings))  # type: ignore[arg-type] # as the environment has them
    assert {name for name in ours | others if hosts.have(f"[{name}]" if ":" in name else name)} == ours


def test_the_public_address_is_an_origin_of_ours() -> None:
    assert find_public_origin(Settings(public_url="https://Video.example.com/x")) == "https://video.example.com:443"  # type: ignore[arg-type]
    assert find_public_origin(Settings()) == ""


@pytest.mark.parametrize(("origin", "opened"), [("http://evil.test", False), (OWN, True)])
def test_sockets_of_other_sites_are_closed(origin: str, *, opened: bool) -> None:
    sent: list[Message] = []

    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"app.test:7860"), (b"origin", origin.encode())]
    scope = {"type": "websocket", "scheme": "ws", "path": "/", "headers": headers}
    run(OriginMiddleware(accept, HOSTS), scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.accept" if opened else "websocket.close"]


ROUTES = (
    "/",
    "/de/",
    "/config",
    "/gradio_api/info",
    "/gradio_api/upload",
    "/gradio_api/call/submit",
    "/jobs",
    "/profiles",
)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://localhost:3000", "own"])
def test_no_answer_lets_another_site_read_it(path: str, origin: str, server: Server) -> None:
    own = str(server.client.base_url).rstrip("/")
    headers = {"origin": own if origin == "own" else origin}
    asked = [server.client.get(path, headers=headers), server.client.post(path, headers=headers, content=b"{}")]
    asked.append(server.client.options(path, headers=headers | {"access-control-request-method": "POST"}))
    assert not [name for answer in asked for name in answer.headers if name.startswith("access-control")]
    assert origin == "own" or {answer.status_code for answer in asked} == {403}


def test_the_page_believes_no_forwarded_host(server: Server) -> None:
    said = {"x-forwarded-host": "evil.test", "x-forwarded-proto": "https", "forwarded": "host=evil.test"}
    said |= {"x-gradio-server": "http://evil.test"}
    for path in ("/config", "/", "/openapi.json"):
        assert "evil.test" not in server.client.get(path, headers=said).text
    assert server.client.get("/config", headers=said).json()["root"] == str(server.client.base_url).rstrip("/")
