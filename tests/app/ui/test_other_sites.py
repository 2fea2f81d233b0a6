"""A page of another site, in a real browser, uploads nothing, starts nothing and reads nothing."""

import socket
import sys
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.impatient_server import SLACK_SECONDS
from tests.app.server import Server, find_port
from tests.app.ui.visitor import Visitor

ATTEMPTS = {
    "reads the configuration": "fetch(app + '/config', {credentials: 'include'}).then(answer => answer.text())",
    "reads jobs with a header of its own": "fetch(app + '/profiles', {headers: {'x-own': '1'}}).then(a => a.text())",
    "uploads, and reads where to": """
        (() => { const form = new FormData(); form.append('files', new File(['seen'], 'photo.jpg'));
        return fetch(app + '/gradio_api/upload', {method: 'POST', body: form}).then(answer => answer.json()); })()""",
    "uploads without reading": """
        (() => { const form = new FormData(); form.append('files', new File(['seen'], 'photo.jpg'));
        return fetch(app + '/gradio_api/upload', {method: 'POST', body: form, mode: 'no-cors'}); })()""",
    "calls, as text": """
        fetch(app + '/gradio_api/call/status', {method: 'POST', body: '{"data": ["x"]}'}).then(a => a.json())""",
    "calls, as JSON": """
        fetch(app + '/gradio_api/call/status', {method: 'POST', body: '{"data": ["x"]}',
        headers: {'content-type': 'application/json'}}).then(answer => answer.json())""",
    "joins the queue": """
        fetch(app + '/gradio_api/queue/join', {method: 'POST', body: '{"data": [], "fn_index": 0}'})
        .then(answer => answer.json())""",
    "follows the queue": """
        new Promise((done, fail) => { const events = new EventSource(app + '/gradio_api/queue/data?session_hash=x');
        events.onopen = done; events.onerror = fail; })""",
    "deletes a job": "fetch(app + '/jobs/x', {method: 'DELETE'}).then(answer => answer.text())",
    "asks from a sandbox": """
        new Promise((done, fail) => { onmessage = ({data}) => data === 'read' ? done() : fail();
        const frame = document.createElement('iframe'); frame.sandbox = 'allow-scripts';
        frame.srcdoc = `<script>fetch('${app}/config').then(answer => answer.text()).then(
        () => parent.postMessage('read', '*'), () => parent.postMessage('refused', '*'))</` + 'script>';
        document.body.append(frame); })""",
}

SEND_FORM = """([app, photo, voice]) => {
  const form = document.createElement("form");
  Object.assign(form, { action: app + "/jobs", method: "post", enctype: "multipart/form-data", target: "answer" });
  for (const [name, text] of [["image", photo], ["audio", voice]]) {
    const files = new DataTransfer();
    files.items.add(new File([Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0))], name));
    const input = Object.assign(document.createElement("input"), { type: "file", name });
    input.files = files.files;
    form.append(input);
  }
  const answer = Object.assign(document.createElement("iframe"), { name: "answer" });
  document.body.append(form, answer);
  const loaded = new Promise((done) => answer.addEventListener("load", done));
  form.submit();
  return loaded;
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Another site</title><body>")

    def log_message(self, *_: object) -> None:  # type: ignore[override] # says nothing
        pass


@pytest.fixture(scope="module")
def named_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    port = find_port()
    settings = {"port": port, "page": "on", "public_url": f"http://app.test:{port}"}
    command = (sys.executable, "-m", "tests.app.impatient_server")
    with Server(tmp_path_factory.mktemp("named") / "data", command, **settings) as server:
        yield server
        assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def evil(browser: Browser) -> Iterator[Page]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Blank) as site, browser.new_context() as context:
        Thread(target=site.serve_forever).start()
        page = context.new_page()
        page.goto(f"http://evil.test:{site.server_port}")
        yield page
        site.shutdown()


def find_files(server: Server) -> set[Path]:
    """Find what others left; the server's own lies in the folder itself, and its keys in one of their own."""
    own = {server.data_dir, *server.data_dir.glob("trust/**")}
    return {path for path in server.data_dir.rglob("*") if path.is_file() and path.parent not in own}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_page_of_another_site_gets_nothing(attempt: str, evil: Page, named_server: Server) -> None:
    script = f"app => {ATTEMPTS[attempt]}.then(answer => answer?.type === 'opaque' ? 'sent' : 'read', () => 'refused')"
    result = evil.evaluate(script, f"http://app.test:{named_server.port}")
    assert result == ("sent" if "without reading" in attempt else "refused")
    assert find_files(named_server) == set()


def test_a_form_of_another_site_starts_nothing(evil: Page, named_server: Server, photo: bytes, voice: bytes) -> None:
    sent = [b64encode(data).decode() for data in (photo, voice)]
    evil.evaluate(SEND_FORM, [f"http://app.test:{named_server.port}", *sent])
    assert named_server.find_jobs() == set()
    metrics = named_server.client.get("/metrics").text
    assert 'video_lab_requests_total{method="POST",route="other",status="403"}' in metrics


def test_a_name_that_leads_here_opens_nothing(evil: Page, named_server: Server) -> None:
    tab = evil.context.new_page()
    answer = tab.goto(f"http://rebound.test:{named_server.port}/")
    assert answer is not None
    assert answer.status == 421
    read = tab.evaluate("fetch('/config').then(answer => answer.status, () => 'refused')")
    tab.close()
    assert read == "refused"


def test_the_own_page_works_under_its_name(browser: Browser, named_server: Server) -> None:
    with browser.new_context() as context:
        visitor = Visitor(context.new_page(), f"http://app.test:{named_server.port}").open()
        visitor.tab.locator("#photo input[type=file]").set_input_files("assets/photos/grace_hopper.jpg")
        expect(visitor.tab.locator("#crop img")).to_be_visible(timeout=60_000)
        assert visitor.find_foreign_requests() == []
        assert visitor.ask("fetch('/jobs/x', {method: 'DELETE'}).then(answer => answer.status)") == 404


def test_gradios_routes_give_up_on_bodies_that_do_not_come(named_server: Server) -> None:
    paths = ("/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/call/submit", "/de/gradio_api/upload")
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = dict(zip(paths, pool.map(lambda path: send_half(path, named_server.port), paths), strict=True))
    assert set(answers.values()) == {408}, answers
    assert httpx.get(f"http://127.0.0.1:{named_server.port}/health").status_code == 200


def send_half(path: str, port: int) -> int:
    """Return the status for a body whose rest never comes."""
    kind = "multipart/form-data; boundary=b" if path.endswith("upload") else "application/json"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n--b"
    with socket.create_connection(("127.0.0.1", port), timeout=SLACK_SECONDS * 20) as connection:
        connection.sendall(head.encode())
        return int(connection.makefile("rb").readline().split()[1])
