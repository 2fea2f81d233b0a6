"""What browsers are told that they may do. That the page works with it, all tests in a browser show."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE

_PLAYS = "() => document.querySelector('video').readyState > 1 && document.querySelector('video').duration > 1"


def find_directives(server: Server, path: str) -> dict[str, str]:
    policy = server.client.get(path).headers["content-security-policy"]
    return {name: allowed for name, _, allowed in (part.strip().partition(" ") for part in policy.split(";"))}


@pytest.mark.parametrize(
    ("path", "ancestors", "frame_options"),
    [
        ("/", "'self'", "SAMEORIGIN"),
        ("/docs", "'self'", "SAMEORIGIN"),
        ("/config", "'none'", "DENY"),
        ("/jobs/none", "'none'", "DENY"),
        ("/health", "'none'", "DENY"),
        ("/ui/page.js", "'none'", "DENY"),
        ("/v/none", "*", None),
        ("/v/none/report", "'none'", "DENY"),
        ("/verify", "'none'", "DENY"),
    ],
)
def test_every_answer_says_who_may_embed_it(
    server: Server, path: str, ancestors: str, frame_options: str | None
) -> None:
    answer = server.client.get(path)
    directives = find_directives(server, path)
    assert (directives["default-src"], directives["frame-ancestors"]) == ("'none'", ancestors)
    assert answer.headers.get("x-frame-options") == frame_options
    assert "geolocation=()" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_of_scripts_in_a_page_only_its_own_run(server: Server, path: str) -> None:
    allowed = find_directives(server, path)["script-src"].split()
    assert "'unsafe-inline'" not in allowed
    assert [source for source in allowed if "sha256-" not in source] == [
        "'self'",
        *(["'unsafe-eval'"] if path == "/" else []),
    ]
    assert any("sha256-" in source for source in allowed)


def test_pages_beside_it_run_and_style_nothing_that_stands_in_them(server: Server) -> None:
    sources = {path: find_directives(server, path) for path in ("/verify", "/v/none", "/v/none/report")}
    assert [directives.get("script-src") for directives in sources.values()] == ["'self'", None, None]
    assert {directives["style-src"] for directives in sources.values()} == {"'self'"}
    assert [directives["form-action"] for directives in sources.values()] == ["'none'", "'none'", "'self'"]


def test_camera_and_microphone_are_for_the_page_alone(server: Server) -> None:
    assert "camera=(self), microphone=(self)" in server.client.get("/").headers["permissions-policy"]
    assert "camera=(), microphone=()" in server.client.get("/v/none").headers["permissions-policy"]


def test_a_script_that_got_into_the_page_does_not_run(visit: Visit) -> None:
    visitor = visit()
    visitor.ask("""() => {
        const script = document.createElement("script");
        script.textContent = "window.attacked = true";
        document.body.append(script);
    }""")
    assert visitor.ask("() => window.attacked") is None
    refused = [error for error in visitor.errors if "inline script" in error]
    assert refused
    visitor.errors.clear()


@contextmanager
def serve(page: str) -> Iterator[str]:
    """Serve a page of another site and lend its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_others_may_embed_a_shared_video_but_not_the_page(visit: Visit, done_job: str) -> None:
    visitor = visit()
    frames = "".join(f'<iframe src="{visitor.address}{path}"></iframe>' for path in (f"/v/{done_job}", "/"))
    with serve(frames) as elsewhere:
        visitor.tab.goto(elsewhere)
        shared, page = visitor.tab.locator("iframe").all()
        expect(shared.content_frame.locator("video")).to_be_visible(timeout=PATIENCE)
        assert page.content_frame.locator("gradio-app").count() == 0
    assert any("frame-ancestors" in error for error in visitor.errors)
    visitor.errors.clear()


def test_the_share_page_the_docs_and_the_video_itself_are_shown(visit: Visit, done_job: str) -> None:
    visitor = visit()
    visitor.tab.goto(f"{visitor.address}/docs")
    expect(visitor.tab.locator(".opblock").first).to_be_visible(timeout=PATIENCE)
    for path in (f"/v/{done_job}", f"/v/{done_job}/video.mp4"):
        visitor.tab.goto(f"{visitor.address}{path}")
        visitor.tab.wait_for_function(_PLAYS, timeout=PATIENCE)
