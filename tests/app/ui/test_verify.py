"""The page that tells how a picture or a video was made."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.access import OPEN_FILES
from tests.app.server import Server
from tests.app.test_trust import shrink, sign_elsewhere
from tests.app.ui.conftest import Visit
from tests.app.ui.test_looks import find_barriers
from tests.app.ui.visitor import PATIENCE, PHOTO, Visitor


@pytest.fixture(scope="module")
def video(server: Server, done_job: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "talk.mp4"
    path.write_bytes(server.client.get(f"/jobs/{done_job}/video").content)
    return path


@pytest.fixture(scope="module")
def still(server: Server, done_job: str) -> bytes:
    """Return a still of a video with the mark alone."""
    return shrink(server.client.get(f"/jobs/{done_job}/poster").content)


def expect_answer(visitor: Visitor, state: str, *said: str) -> None:
    answer = visitor.tab.locator("#answer")
    expect(answer).to_have_attribute("data-state", state, timeout=PATIENCE)
    for words in said:
        expect(answer).to_contain_text(words)


def test_a_file_that_is_dropped_is_explained(visit: Visit, video: Path, tmp_path: Path) -> None:
    visitor = visit("/verify", phone=True)
    visitor.drop(".drop", video)
    expect_answer(visitor, "here", "made here", "Nothing was changed since it was signed.", "as the file says")
    heard = visitor.tab.get_by_role("status")
    expect(heard).to_contain_text("artificially generated or manipulated")
    visitor.tab.locator("summary").press("Enter")
    expect(visitor.tab.get_by_text(re.compile("job [0-9a-f]{8}, "))).to_be_visible()
    assert find_barriers(visitor) == []
    visitor.drop(".drop", PHOTO)
    expect_answer(visitor, "nothing", "proves nothing")
    expect(heard).to_contain_text("proves nothing")
    (tmp_path / "signed.jpg").write_bytes(sign_elsewhere(PHOTO.read_bytes(), tmp_path))
    visitor.drop(".drop", tmp_path / "signed.jpg")
    expect_answer(visitor, "elsewhere", "anybody may sign under any name", "Camera 1")
    visitor.check_shift()
    assert visitor.ask("() => document.documentElement.scrollWidth") == visitor.ask("() => innerWidth")


def test_a_mark_alone_is_a_hint_whoever_signs_the_file(visit: Visit, still: bytes, tmp_path: Path) -> None:
    """It can be copied onto a real video, and whoever edits a video may sign what comes of it."""
    bare, signed, changed = (tmp_path / f"{name}.jpg" for name in ("bare", "signed", "changed"))
    bare.write_bytes(still)
    signed.write_bytes(sign_elsewhere(still, tmp_path))
    changed.write_bytes(signed.read_bytes().replace(b"Camera", b"Kamera"))
    visitor = visit("/verify")
    for file, said in ((bare, "no signed note"), (signed, "Somebody else has signed"), (changed, "cannot be believed")):
        visitor.drop(".drop", file)
        expect_answer(visitor, "own", "no proof", said)
        expect(visitor.tab.locator("#answer")).not_to_contain_text("made here")


def test_what_cannot_be_checked_is_told_before_it_is_sent(visit: Visit, tmp_path: Path) -> None:
    visitor = visit("/verify", locale="de-DE")
    broken, large = tmp_path / "broken.mp4", tmp_path / "large.jpg"
    broken.write_bytes(b"no video at all")
    large.write_bytes(b"\xff\xd8\xff" + bytes(6_000_000))
    visitor.requests.clear()
    visitor.tab.locator("#file").set_input_files(broken)
    expect_answer(visitor, "error", "weder ein Video noch ein Bild")
    visitor.tab.locator("#file").set_input_files(large)
    expect_answer(visitor, "error", "6 MB; höchstens 5 MB")
    assert [url for url in visitor.requests if url.endswith("/verify")] == []
    visitor.tab.route("**/verify", lambda route: route.fulfill(status=503, body="{}"))
    visitor.tab.locator("#file").set_input_files(PHOTO)
    expect_answer(visitor, "error", "in einer halben Minute")
    visitor.tab.unroute_all()
    visitor.tab.get_by_role("button", name="Erneut versuchen").press("Enter")
    expect_answer(visitor, "nothing", "Das beweist nichts.")


def test_a_shared_video_is_checked_by_a_press(visit: Visit, done_job: str) -> None:
    visitor = visit(f"/v/{done_job}")
    visitor.tab.get_by_role("link", name="Check this video").click()
    expect_answer(visitor, "here", "made here")


def test_the_page_is_made_of_nothing_but_what_is_open(server: Server) -> None:
    page = server.client.get("/verify").text
    files = re.findall(r'<(?:script|link)[^>]* (?:src|href)="([^"?]*)', page)
    styles = "".join(server.client.get(name).text for name in files if name.endswith(".css"))
    assert {*files, *re.findall(r"url\(([^)]*)\)", styles)} == OPEN_FILES
    assert {server.client.get(name).status_code for name in OPEN_FILES} == {200}


def test_the_page_is_found_from_the_first_one(server: Server) -> None:
    assert '<a href=\\"/verify\\">' in server.client.get("/config").text
