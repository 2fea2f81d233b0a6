"""One password for everyone, which nobody can guess quickly, and which no guesser keeps from others."""

import base64
from pathlib import Path

import pytest
from anyio import run
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from app.access import OPEN_FILES, AccessMiddleware, Door
from app.accounts.database import FILE_NAME, Database
from app.attempts import Attempts
from app.main import create_app
from app.settings import Settings
from tests.app.conftest import Starter

PASSWORD = "correct horse"
ADDRESS = "192.0.2.1"
OTHER = "192.0.2.2"


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Visitor:
    """Somebody before the door of an app that lets everything be seen."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        door = Door(Database(folder / FILE_NAME), PASSWORD, Attempts(self.clock))
        self._door = AccessMiddleware(_let_in, door)

    def knock(self, password: str | None, address: str = ADDRESS, *, kind: str = "http", path: str = "/metrics") -> int:
        """Return the status; of a socket, 101 if it is opened."""
        self.answer: dict[str, str] = {}
        status = 0

        async def send(message: Message) -> None:
            nonlocal status
            match message["type"]:
                case "http.response.start":
                    status = message["status"]
                    self.answer = {name.decode(): value.decode() for name, value in message["headers"]}
                case "websocket.accept":
                    status = 101
                case "websocket.close":
                    status = message["code"]

        headers = [] if password is None else [(b"authorization", _encode(password))]
        scope = {"type": kind, "path": path, "headers": headers, "client": (address, 1), "method": "GET"}
        run(self._door, scope, _receive, send)
        return status


async def _let_in(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await PlainTextResponse("seen")(scope, receive, send)


async def _receive() -> Message:
    raise AssertionError("Nothing is read.")


def _encode(password: str, scheme: str = "Basic") -> bytes:
    return f"{scheme} {base64.b64encode(f'me:{password}'.encode()).decode()}".encode()


@pytest.mark.parametrize("path", ["/", "/metrics", "/health/", "/healthy", "/jobs", "/gradio_api/upload", "/docs"])
@pytest.mark.parametrize(("kind", "opened", "refused"), [("http", 200, 401), ("websocket", 101, 1008)])
def test_everything_but_the_health_wants_the_password(
    path: str, kind: str, opened: int, refused: int, tmp_path: Path
) -> None:
    door = Visitor(tmp_path)
    assert door.knock(None, kind=kind, path=path) == refused
    assert door.knock("correct hors", kind=kind, path=path) == refused
    assert door.knock(PASSWORD, kind=kind, path=path) == opened
    assert door.knock(None, kind=kind, path="/health") == opened


def test_what_the_page_that_checks_files_is_made_of_is_open_and_nothing_beside_it(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    assert {door.knock(None, path=path) for path in OPEN_FILES} == {200}
    beside = {"/ui/", "/ui/page.js", "/static/fonts/IBMPlexSans/", "/verify/", *(f"{path}/x" for path in OPEN_FILES)}
    assert {door.knock(None, path=path) for path in beside} == {401}


def test_the_app_asks_at_each_of_its_routes(locked: TestClient, locked_app: FastAPI) -> None:
    paths = {getattr(route, "path", "/") for route in locked_app.routes} | {"/gradio_api/upload", "/config", "/nothing"}
    answers = {path: locked.get(path).status_code for path in paths}
    assert (answers.pop("/health"), answers.pop("/ready"), answers.pop("/sign-in", 200)) == (200, 200, 200)
    assert answers.pop("/verify") == 405  # it is open, and takes files only where there is no page
    assert set(answers.values()) == {401}
    assert {"/metrics", "/jobs/{job_id}/video", "/openapi.json", "/docs"} <= set(answers)


def test_the_description_says_where_the_password_is_asked(locked_app: FastAPI) -> None:
    paths = locked_app.openapi()["paths"]
    assert {"401", "429"} <= set(paths["/jobs"]["post"]["responses"])
    assert not {"401", "429"} & set(paths["/health"]["get"]["responses"])
    assert [path for path in paths if "security" not in next(iter(paths[path].values()))] == [
        "/verify",
        "/health",
        "/ready",
    ]


def test_guesses_become_slow_and_the_right_one_is_taken_after_a_while(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    assert [door.knock(f"guess {number}") for number in range(12)] == [401] * 10 + [429] * 2
    assert int(door.answer["retry-after"]) == 1
    assert door.knock(PASSWORD) == 429
    door.clock.seconds += 1
    assert door.knock(PASSWORD) == 200
    door.clock.seconds += 3_600
    assert [door.knock("guess") for _ in range(11)] == [401] * 10 + [429]


def test_of_many_guesses_about_one_a_second_is_looked_at(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    looked_at = 0
    for _ in range(600):
        door.clock.seconds += 0.1
        looked_at += door.knock("guess") == 401
    assert looked_at == pytest.approx(10 + 60, abs=2)


def test_sockets_are_no_way_around_the_limit(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    for _ in range(10):
        door.knock("guess", kind="websocket")
    assert door.knock(PASSWORD, kind="websocket") == 1008
    assert door.knock(PASSWORD) == 429


def test_a_guesser_keeps_nobody_else_out(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    for _ in range(50):
        door.knock("guess")
    assert door.knock(PASSWORD, OTHER) == 200
    assert door.knock("typed wrong", OTHER) == 401
    assert door.knock(PASSWORD, OTHER) == 200
    assert door.knock(None, path="/health") == 200


def test_addresses_of_one_network_are_one_guesser(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    for number in range(10):
        door.knock("guess", f"2001:db8::{number}")
    assert door.knock(PASSWORD, "2001:db8::ffff") == 429
    assert door.knock(PASSWORD, "2001:db8:0:1::1") == 200


def test_neither_right_passwords_nor_none_count_as_guesses(tmp_path: Path) -> None:
    door = Visitor(tmp_path)
    assert {door.knock(PASSWORD) for _ in range(100)} == {200}
    assert {door.knock(None) for _ in range(100)} == {401}
    assert door.knock(PASSWORD) == 200


def test_guessers_are_forgotten_before_they_fill_the_memory() -> None:
    guesses = Attempts(Clock(), max_clients=3)
    for client in "abcd":
        for _ in range(10):
            guesses.add(client)
    assert [guesses.find_wait(client) > 0 for client in "abcd"] == [False, True, True, True]


def test_the_limit_holds_for_the_whole_app(locked: TestClient) -> None:
    num_guesses = 0
    while (answer := locked.get("/profiles", auth=("me", f"guess {num_guesses}"))).status_code == 401:
        num_guesses += 1
    assert 10 <= num_guesses < 20  # time gives guesses back
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:video-lab:problem:too-many-guesses"
    assert answer.headers["content-type"] == "application/problem+json"
    assert locked.get("/profiles", auth=("me", PASSWORD)).status_code == 429
    assert locked.get("/health").status_code == 200


@pytest.fixture
def locked_app(tmp_path: Path) -> FastAPI:
    return create_app(Settings(data_dir=tmp_path, page=False, password=SecretStr(PASSWORD)))


@pytest.fixture
def locked(locked_app: FastAPI) -> TestClient:
    return TestClient(locked_app)


def test_a_guesser_is_one_client_whatever_it_says_of_itself(start_server: Starter) -> None:
    server = start_server(password=PASSWORD)
    assert server.client.get("/profiles").status_code == 200
    paths = server.client.get("/openapi.json").json()["paths"]
    assert paths["/jobs"]["post"]["security"] == [{"bearer": []}, {"apiKey": []}, {"password": []}]
    assert "security" not in paths["/health"]["get"]
    server.client.auth = None
    refused = server.client.get("/profiles", headers={"Authorization": "Basic %%%"})
    assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")
    assert server.client.get("/health").status_code == 200
    statuses = [
        server.client.get(
            "/profiles", auth=("me", "guess"), headers={"x-forwarded-for": f"192.0.2.{number}"}
        ).status_code
        for number in range(60)
    ]
    assert statuses.count(429) > 30
