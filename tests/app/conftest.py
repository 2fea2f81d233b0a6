"""A server that many tests share, and servers of their own for those that kill them."""

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.app.server import APP, Server

Starter = Callable[..., Server]


@pytest.fixture(scope="session")
def photo() -> bytes:
    return Path("assets/photos/grace_hopper.jpg").read_bytes()


def cut_voice(seconds: float) -> bytes:
    """Return the beginning of an example voice as WAV."""
    cut = io.BytesIO()
    with wave.open("assets/voices/joe.wav") as whole, wave.open(cut, "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(seconds * whole.getframerate())))
    return cut.getvalue()


@pytest.fixture(scope="session")
def voice() -> bytes:
    return cut_voice(1.2)


@pytest.fixture(scope="session")
def long_voice() -> bytes:
    return cut_voice(4)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(
        tmp_path_factory.mktemp("shared") / "data", page="on", live="off", max_voice_mb=5, max_photo_mb=5
    ) as server:
        yield server
        assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="session")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps few waiting and for a short time, takes nothing without consent, and marks no video."""
    limits = {"queue_size": 1, "request_limit_seconds": 1, "consent": "required"}
    marks = {"content_credentials": "off", "watermark": "off"}
    folder = tmp_path_factory.mktemp("strict") / "data"
    with Server(folder, page="off", live="off", **limits, **marks) as server:
        yield server


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Starter]:
    with ExitStack() as stack:

        def start(data_dir: Path = tmp_path / "data", command: tuple[str, ...] = APP, **settings: object) -> Server:
            return stack.enter_context(Server(data_dir, command, **{"page": "off", "live": "off"} | settings))

        yield start
