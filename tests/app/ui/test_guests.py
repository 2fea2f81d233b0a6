"""Who has a key uses the page and `gradio_client` with it, and finds there what is his alone."""

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio.routes import App
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import KeyBook, NewKey
from app.accounts.limits import KeyLimits
from app.jobs import Jobs
from app.main import create_app
from app.settings import Settings
from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, PHOTO

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"


class Keyed(Server):
    """A server of which Anna and Bert have keys."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.keys = KeyBook(Database(folder / FILE_NAME))
        self.anna, self.bert = (self.keys.create(name, KeyLimits()) for name in ("Anna", "Bert"))
        super().__init__(folder, page="on", live="off")
        self.client.headers["x-api-key"] = self.anna.token

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, key: NewKey, *arguments: object, api_name: str) -> Any:  # noqa: ANN401 - whatever is answered
        client = Client(self.address, verbose=False, headers={"Authorization": f"Bearer {key.token}"})
        try:
            return client.predict(*arguments, api_name=api_name)
        finally:
            client.close()

    def open_browser(self) -> httpx.Client:
        """Return what sends what a browser does, without scripts."""
        headers = {"user-agent": FIREFOX, "accept": "text/html", "sec-fetch-mode": "navigate"}
        return httpx.Client(base_url=self.address, headers=headers)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with Keyed(tmp_path_factory.mktemp("keyed") / "data") as server:
        yield server
        assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def job(keyed: Keyed, photo: bytes, voice: bytes) -> str:
    """A video of Anna's."""
    return str(keyed.wait_for(keyed.submit(photo, voice)["job_id"])["job_id"])


def sign_in(browser: httpx.Client, secret: str, **fields: str) -> httpx.Response:
    return browser.post("/sign-in", data={"secret": secret} | fields)


def test_a_browser_signs_in_and_sees_its_own_video_until_it_signs_out(keyed: Keyed, job: str, visit: Visit) -> None:
    tab = visit("/verify", at=keyed).tab
    tab.goto(f"{keyed.address}/?job={job}")
    tab.get_by_label("Key or password").fill("vl_nothing")
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_role("alert")).to_contain_text("neither a key nor the password")
    tab.get_by_label("Key or password").fill(keyed.anna.token)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.locator("#status .status")).to_have_attribute("data-state", "done", timeout=PATIENCE)
    assert tab.url == f"{keyed.address}/?job={job}"
    cookie = next(one for one in tab.context.cookies() if one["name"] == "video_lab_session")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    tab.set_viewport_size({"width": 320, "height": 640})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
    tab.context.clear_cookies()  # as when the 30 days are over
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_label("Key or password").fill(keyed.anna.token)
    tab.get_by_role("button", name="Sign in").click()
    tab.get_by_role("link", name="Account").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("You are signed in")
    tab.get_by_role("button", name="Sign out: Chrome on Linux, This device").click()
    expect(tab.get_by_label("Key or password")).to_be_visible()


def test_by_gradio_client_a_key_finds_its_own_jobs_alone(keyed: Keyed, job: str, voice_file: Path) -> None:
    state, video = keyed.call(keyed.anna, job, api_name="/status")
    assert (state["status"], Path(video).suffix) == ("done", ".mp4")
    for name in ("/status", "/cancel"):
        with pytest.raises(AppError, match="There is no such job"):
            keyed.call(keyed.bert, job, api_name=name)
    submitted = keyed.call(keyed.bert, handle_file(PHOTO), handle_file(voice_file), api_name="/submit")
    assert keyed.client.get(f"/jobs/{submitted['id']}").status_code == 404
    own = {"x-api-key": keyed.bert.token}
    assert keyed.client.get(f"/jobs/{submitted['id']}", headers=own).status_code == 200


def test_a_shared_link_is_for_all_who_come_in_and_files_beside_it_for_nobody_else(keyed: Keyed, job: str) -> None:
    result = keyed.data_dir / "uploads" / "results" / job / "video.mp4"
    paths = (f"/v/{job}", f"/v/{job}/video.mp4", f"/gradio_api/file={result}", f"/v/{job}/live/0.mp4")
    asked = [
        [keyed.client.get(path, headers={"x-api-key": token}).status_code for path in paths]
        for token in (keyed.anna.token, keyed.bert.token, "")
    ]
    assert asked == [[200, 200, 200, 404], [200, 200, 404, 404], [401] * 4]


def test_a_session_is_new_at_each_sign_in_and_ends_with_its_key(keyed: Keyed) -> None:
    carla = keyed.keys.create("Carla", KeyLimits())
    with keyed.open_browser() as first, keyed.open_browser() as second:
        first.cookies.set("video_lab_session", "fixed")
        tokens = []
        for browser in (first, first, second):
            answer = sign_in(browser, carla.token, next="/jobs/x")
            assert (answer.status_code, answer.headers["location"]) == (303, "/jobs/x"), answer.text
            tokens.append(answer.cookies["video_lab_session"])
        assert len({*tokens, "fixed"}) == 4
        listed = first.get("/sign-in").text
        assert (listed.count("Firefox on Linux</b>"), listed.count("This device</span>")) == (2, 1)
        first.post("/sign-out", data={"device": "others"})
        assert [browser.get("/profiles").status_code for browser in (first, second)] == [200, 303]
        assert httpx.get(f"{keyed.address}/profiles", cookies={"video_lab_session": tokens[0]}).status_code == 401
        keyed.keys.revoke(carla.key.id)
        keyed.wait_until(lambda: first.get("/profiles").status_code == 303, 2)


@pytest.mark.parametrize(
    "back", ["//evil.test", "/\\evil.test", "https://evil.test", "/a\r\nset-cookie: x=y", "/sign-in"]
)
def test_nobody_is_led_elsewhere_by_signing_in(keyed: Keyed, back: str) -> None:
    with keyed.open_browser() as browser:
        answer = sign_in(browser, keyed.bert.token, next=back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert list(answer.cookies) == ["video_lab_session"]


def test_another_site_signs_nobody_in_and_guesses_are_few(keyed: Keyed) -> None:
    with keyed.open_browser() as browser:
        foreign = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}
        assert browser.post("/sign-in", data={"secret": keyed.bert.token}, headers=foreign).status_code == 403
        assert browser.post("/sign-in", content=b"secret=" + b"x" * 20_000).status_code == 413
        statuses = [sign_in(browser, f"guess {number}").status_code for number in range(14)]
        assert (set(statuses), statuses[-1]) == ({401, 429}, 429)
        assert sign_in(browser, keyed.bert.token).status_code == 303


def find_services(thing: object, seen: set[int]) -> Iterator[Jobs]:
    """Yield the services that an event's function can reach."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Jobs):
        yield thing
        return
    parts: list[object] = []
    match thing:
        case functools.partial():
            parts = [thing.func, *thing.args, *thing.keywords.values()]
        case list() | tuple():
            parts = list(thing)
        case dict():
            parts = list(thing.values())
        case _ if inspect.ismethod(thing):
            parts = [thing.__self__, thing.__func__]
        case _ if inspect.isfunction(thing):
            parts = [cell.cell_contents for cell in thing.__closure__ or ()]
        case _ if is_dataclass(thing) and not isinstance(thing, type):
            parts = [getattr(thing, field.name) for field in fields(thing)]
    for part in parts:
        yield from find_services(part, seen)


def test_every_event_of_the_page_sees_the_jobs_of_its_own_caller_alone(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path))
    owned: Callable[[Jobs], bool] = lambda jobs: "_find_owner" in vars(jobs)  # noqa: E731 - shorter than the reason
    mounted = (getattr(route, "app", None) for route in app.routes)
    functions = [fn.fn for gradios in mounted if isinstance(gradios, App) for fn in gradios.get_blocks().fns.values()]
    services = [jobs for function in functions for jobs in find_services(function, set())]
    assert len(services) > 30
    assert all(map(owned, services))
