"""Nothing of the server opens, whatever route or event of Gradio's is asked for it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.ui.gate.wall import PASSED
from tests.app.attack.targets import Target, open_visitor, plant_targets, upload, wrap
from tests.app.attack.walk import (
    PAGES,
    REFUSED,
    attack_events,
    attack_events_briefly,
    attack_routes,
    find_events,
    find_routes,
)
from tests.app.server import Server

OPEN = {"GET /", "HEAD /", "GET /config", "GET /theme.css", "HEAD /openapi.json", "GET /openapi.json"}
"""Routes without a place for a path that answer 200; the last two are the REST API's own."""
OPEN_IN_API = {f"GET /gradio_api/{name}" for name in ("info", "app_id", "upload_progress", "queue/data")}


@pytest.fixture(scope="module")
def targets(server: Server, photo: bytes) -> Iterator[list[Target]]:
    yield plant_targets(server, photo)
    for path in (server.data_dir / "jobs" / ("A" * 22)).iterdir():
        path.unlink()


@pytest.mark.parametrize("page", PAGES)
def test_no_event_opens_anything(server: Server, targets: list[Target], page: str) -> None:
    before = find_files(server.data_dir)
    attempts = list(attack_events_briefly(server.client, targets, page))
    assert len(attempts) >= 20 * len(targets)
    assert [attempt for attempt in attempts if attempt.succeeded] == []
    assert find_files(server.data_dir) == before


def test_the_endpoints_open_nothing_in_any_shape(server: Server, targets: list[Target]) -> None:
    first = targets[:1]
    assert [attempt for attempt in attack_events(server.client, first) if attempt.succeeded] == []


def test_none_of_gradios_routes_opens_anything(server: Server, targets: list[Target]) -> None:
    attempts = list(attack_routes(server.client, targets, briefly=True))
    assert {attempt.what for attempt in attempts if attempt.leaked} == set()
    let_through = {attempt.what for attempt in attempts if attempt.status not in REFUSED}
    assert let_through <= OPEN | OPEN_IN_API | {"POST /gradio_api/cancel", "POST /gradio_api/reset"}


def test_the_list_of_routes_that_pass_is_the_one_in_the_guide() -> None:
    guide = Path("docs/security.md").read_text()
    for paths in PASSED.values():
        assert [path for path in paths if f"`{path}`" not in guide] == []


def test_routes_that_gradio_does_not_have_are_not_on_the_list() -> None:
    samples = [re.sub(r"{[^}]*}", "1", route) for route in find_routes()]
    sample = "/gradio_api/stream/1/1/1/1.ts"
    for path in (path for paths in PASSED.values() for path in paths):
        plain = [*samples, sample, "/static/js/1", f"/gradio_api/call/a/{'1' * 32}"]
        assert any(re.fullmatch(path, one) for one in plain), path


def test_a_deep_link_is_neither_made_nor_read(server: Server) -> None:
    for path in ("/gradio_api/deep_link?session_hash=a", "/de/gradio_api/deep_link?session_hash=a"):
        assert server.client.get(path).status_code == 404
    config = server.client.get("/config?deep_link=abc").json()
    assert "deep_link_state" not in config
    assert '"deep_link_state":"none"' in server.client.get("/?deep_link=abc").text.replace(" ", "")


@pytest.fixture
def visitors(server: Server) -> Iterator[tuple[httpx.Client, ...]]:
    """Two browsers and a program."""
    program = httpx.Client(base_url=server.client.base_url)
    with open_visitor(server) as first, open_visitor(server) as second, program:
        yield first, second, program


def test_an_upload_is_its_visitors_alone(server: Server, visitors: tuple[httpx.Client, ...], photo: bytes) -> None:
    owner, *others = visitors
    path = upload(owner, photo)
    assert owner.get(f"/gradio_api/file={path}").content == photo
    assert owner.get(f"/de/gradio_api/file={path}").content == photo
    for stranger in others:
        assert stranger.get(f"/gradio_api/file={path}").status_code == 404
        assert join(stranger, "face_crop", [wrap(path), "preview", "auto", 0, 1, 0, 0]).status_code == 404
    assert join(owner, "face_crop", [wrap(path), "preview", "auto", 0, 1, 0, 0]).status_code == 200


def test_the_cookie_is_for_the_server_alone(server: Server) -> None:
    with httpx.Client(base_url=server.client.base_url) as program:
        given = [program.get(path, headers={"cookie": "video_lab_visitor=chosen"}).headers for path in ("/", "/config")]
    cookies = [headers["set-cookie"] for headers in given]
    assert all(
        re.fullmatch(r"video_lab_visitor=[\w-]{22}; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax", c) for c in cookies
    )
    assert cookies[0] != cookies[1]
    assert [headers["cache-control"] for headers in given] == ["no-cache", "no-store"]


@pytest.mark.parametrize("name", ["cancel", "reset"])
def test_what_ends_an_event_is_short(server: Server, name: str) -> None:
    answer = server.client.post(f"/gradio_api/{name}", json={"event_id": "a" * 1_000_000})
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/", "/de/", "/config", "/v/none"])
def test_cookies_of_others_do_no_harm(server: Server, path: str) -> None:
    mine = f"video_lab_visitor={'a' * 22}"
    with httpx.Client(base_url=server.client.base_url) as browser:
        answer = browser.get(path, headers={"cookie": f"a/b=c; {mine}; [x]=y", "accept-language": "en"})
    assert answer.status_code == (404 if path == "/v/none" else 200)
    assert path == "/v/none" or answer.headers["set-cookie"].startswith(f"{mine};")


def test_uploads_are_counted(server: Server, photo: bytes) -> None:
    upload(server.client, photo)
    server.client.post("/gradio_api/upload", json={})
    told = server.client.get("/metrics").text
    assert re.search(r"^video_lab_uploads_bytes [1-9]", told, re.MULTILINE)
    assert 'video_lab_uploads_refused_total{status="415"}' in told


def test_the_same_photo_twice_has_two_names(server: Server, photo: bytes) -> None:
    first, second = upload(server.client, photo), upload(server.client, photo)
    assert Path(first).parent != Path(second).parent
    assert len(Path(first).parent.name) == 22


def join(client: httpx.Client, name: str, data: list[object]) -> httpx.Response:
    event = next(event for event in find_events(client) if event["api_name"] == name)
    body = {"data": data, "fn_index": event["id"], "session_hash": "someone", "event_data": None, "trigger_id": None}
    return client.post("/gradio_api/queue/join", json=body)


def find_files(folder: Path) -> set[str]:
    return {f"{where}/{name}" for where, _, names in os.walk(folder) for name in names}
