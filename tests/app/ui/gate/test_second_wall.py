"""Should the gate once let something through, Gradio itself still refuses it."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from gradio.routes import App
from starlette.routing import Mount
from starlette.testclient import TestClient

from app.callers import Caller
from app.decoding import IdentifiedFile
from app.main import create_app
from app.quota import ByteQuota
from app.settings import Settings
from app.ui.gate import GateMiddleware
from app.ui.gate.uploads import UploadLimits, Uploads
from tests.app.attack.targets import wrap


async def make_open_app(data_dir: Path) -> FastAPI:
    """Make the app without its gate; it takes the running loop, and would leave one of its own open."""
    app = create_app(Settings(data_dir=data_dir))
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, App):
            gates = [middleware for middleware in route.app.user_middleware if middleware.cls is GateMiddleware]
            for gate in gates:
                route.app.user_middleware.remove(gate)
    return app


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    monkeypatch.setenv("GRADIO_TEMP_DIR", "set by the app")
    app = asyncio.run(make_open_app(tmp_path / "data"))
    yield app
    asyncio.run(app.state.jobs.close())


def test_gradio_opens_only_what_was_uploaded(app: FastAPI, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    client = TestClient(app)
    events = [
        event for event in client.get("/config").json()["dependencies"] if event["backend_fn"] and event["inputs"]
    ]
    direct = [event for event in events if not event["queue"]]
    for event in direct:
        data = [wrap(str(secret)), *[None] * (len(event["inputs"]) - 1)]
        body = {"data": data, "fn_index": event["id"], "session_hash": "a"}
        assert client.post("/gradio_api/run/predict", json=body).status_code == 500
    assert len(direct) > 5
    assert [path for path in (tmp_path / "data" / "uploads").rglob("*") if path.is_file()] == []


def test_the_page_sweeps_no_uploads_of_requests_away(app: FastAPI, tmp_path: Path) -> None:
    shelf, caller = app.state.uploads, Caller("me")
    (tmp_path / "sent").write_bytes(b"a recording")
    upload = asyncio.run(shelf.add(tmp_path / "sent", IdentifiedFile(medium="audio", seconds=1.0), caller))
    pages = Uploads(Path(os.environ["GRADIO_TEMP_DIR"]), UploadLimits(1), ByteQuota(1))
    pages.sweep()
    assert shelf.find(upload.id, caller) == upload
