"""One browser for all tests; each visitor has a device of their own while the test runs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.app.conftest import cut_voice
from tests.app.server import Server
from tests.app.ui.browser import launch
from tests.app.ui.devices import Device, Devices
from tests.app.ui.visitor import PATIENCE, Visitor

Visit = Callable[..., Visitor]
ONCE_MORE = ["Locator expected", "Timeout .* exceeded", "The page has moved"]
BESIDE = ("/v/", "/verify")
"""How the paths of pages begin that are not the one that Gradio builds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a test on the page that waited in vain try once more; its summary says "rerun".

    Gradio's server may end a tab's stream of events just as the tab posts the next one, whose answer then waits for the
    one after it. A person presses again. And a busy machine may answer so late that what is moved counts as a shift.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=ONCE_MORE))


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    # Not for the whole session: its event loop runs as long as it, and the tests after these have loops of their own.
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def devices(browser: Browser) -> Devices:
    return Devices(browser)


@pytest.fixture
def visit(devices: Devices, server: Server) -> Iterator[Visit]:
    visitors: list[Visitor] = []
    with ExitStack() as stack:

        def start(path: str = "/", *, at: Server = server, **device: object) -> Visitor:
            kind = Device(**device)
            tab = devices.take(kind)
            stack.callback(devices.give_back, kind, tab)
            visitor = Visitor(tab, f"http://127.0.0.1:{at.port}")
            stack.callback(visitor.leave)
            visitors.append(visitor)
            return visitor.go(path) if path.startswith(BESIDE) else visitor.open(path)

        yield start
        assert [error for visitor in visitors for error in visitor.errors] == []


@pytest.fixture(scope="session")
def voice_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save_voice(tmp_path_factory, 1.2)


@pytest.fixture(scope="session")
def long_voice_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save_voice(tmp_path_factory, 11)


@pytest.fixture(scope="session")
def done_job(server: Server, photo: bytes, voice: bytes) -> str:
    job = server.submit(photo, voice, seed=7)
    return str(server.wait_for(job["job_id"])["job_id"])


def _save_voice(folders: pytest.TempPathFactory, seconds: float) -> Path:
    path = folders.mktemp("voices") / f"voice-{seconds}.wav"
    path.write_bytes(cut_voice(seconds))
    return path
