"""One client does not take all places for events."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio.routes import App
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.as_key import take_key_ids


async def make_app(data_dir: Path) -> FastAPI:
    """Make the app; it takes the running loop, and would leave one of its own open."""
    return take_key_ids(create_app(Settings(data_dir=data_dir)))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "set by the app")
    monkeypatch.setattr("app.ui.gate.wall.MOST_EVENTS", 2)
    app = asyncio.run(make_app(tmp_path / "data"))
    yield app
    asyncio.run(app.state.jobs.close())


def ask(app: FastAPI, address: str, key_id: str | None = None) -> int:
    client = TestClient(app, client=(address, 1))
    headers = {} if key_id is None else {"key": key_id}
    return client.post("/gradio_api/call/status", json={"data": ["none"]}, headers=headers).status_code


def test_a_client_has_a_share_of_the_events(app: FastAPI) -> None:
    assert [ask(app, "10.0.0.1") for _ in range(3)] == [200, 200, 503]  # nothing runs them here
    assert ask(app, "10.0.0.2") == 200
    assert [ask(app, f"10.0.0.{number}", "a") for number in (1, 3, 4)] == [200, 200, 503]  # a key, wherever it is used


def test_who_has_no_events_is_told_nothing(app: FastAPI) -> None:
    client = TestClient(app)
    event = client.post("/gradio_api/call/status", json={"data": ["none"]}).json()["event_id"]
    for path in ("queue/data?session_hash=nobody", "queue/data", f"call/status/{'0' * len(event)}"):
        assert client.get(f"/gradio_api/{path}").status_code == 404
    assert client.head(f"/gradio_api/call/status/{'0' * len(event)}").status_code == 404


def test_more_people_than_gradio_takes_by_itself_watch_their_jobs(app: FastAPI) -> None:
    pages = [route.app.get_blocks() for route in app.routes if isinstance(route, Mount) and isinstance(route.app, App)]
    assert pages
    assert all(isinstance(page, gr.Blocks) and page._queue.max_thread_count >= 1000 for page in pages)
