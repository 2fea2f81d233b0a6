"""What goes wrong is said beside the widget that it is about."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, PHOTO
from tests.voices import KINDS, make_tone, write_voice

IS_ABOVE_THE_BUTTONS = """() => document.querySelector("#voice-note .note").getBoundingClientRect().bottom
  <= document.querySelector("#actions").getBoundingClientRect().top"""

DROP_LARGE = """(element) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(106e6)], "large.wav", { type: "audio/wav" }));
  element.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""


def test_photo_and_voice_are_asked_for(visit: Visit) -> None:
    visitor = visit()
    visitor.press("Preview")
    expect(visitor.note("photo")).to_have_text("Add a photo of a face first.")
    expect(visitor.note("voice")).to_contain_text("Add a voice first")


@pytest.mark.parametrize(
    ("widget", "name", "content", "sentence"),
    [
        ("photo", "notes.txt", b"hello", "This file is not a picture."),
        ("photo", "broken.jpg", b"hello", "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture"),
        ("photo", "cut.jpg", PHOTO.read_bytes()[:3000], "damaged or cut short"),
        ("voice", "notes.txt", b"hello", "This file is not a recording."),
        ("voice", "broken.wav", b"hello", "This is no recording of a known kind."),
    ],
)
def test_wrong_files_are_named(
    visit: Visit, tmp_path: Path, widget: str, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    visitor = visit()
    visitor.tab.locator(f"#{widget} input[type=file]").set_input_files(path)
    expect(visitor.note(widget)).to_contain_text(sentence, timeout=PATIENCE)
    expect(visitor.note(widget)).to_have_attribute("data-kind", "error")
    expect(visitor.tab.locator(".toast-body")).to_have_count(0)


@pytest.mark.parametrize("name", ["broken.jpg", "cut.jpg", "broken.heic"])
def test_a_photo_that_cannot_be_read_leaves_room_for_another(visit: Visit, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PHOTO.read_bytes()[:3000] if name == "cut.jpg" else b"0000ftypheic")
    visitor = visit()
    visitor.tab.locator("#photo input[type=file]").set_input_files(path)
    expect(visitor.note("photo")).to_have_attribute("data-kind", "error", timeout=PATIENCE)
    visitor.tab.wait_for_function(
        "() => sessionStorage.getItem('video-lab-kept') === '[\"\",\"\",false]'", timeout=PATIENCE
    )
    expect(visitor.tab.locator("#photo img")).to_have_count(0)
    expect(visitor.note("photo")).to_have_attribute("data-kind", "error")
    visitor.add_photo()
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)


def test_a_broken_photo_after_a_good_one_is_named_too(visit: Visit, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"hello")
    visitor = visit()
    visitor.add_photo()
    visitor.tab.locator("#photo").get_by_role("button", name="Remove the photo").click()
    visitor.tab.locator("#photo input[type=file]").set_input_files(broken)
    expect(visitor.note("photo")).to_contain_text(
        "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture", timeout=PATIENCE
    )


def test_what_cannot_run_is_not_offered_and_why_is_said_once(visit: Visit) -> None:
    visitor = visit()
    expect(visitor.note("profile")).to_contain_text("There are two ways to use it", timeout=PATIENCE)
    expect(visitor.note("profile")).to_have_count(1)
    expect(visitor.tab.locator("#profile input")).to_have_count(0)
    expect(visitor.generate).not_to_be_visible()


def test_what_was_said_of_a_file_goes_with_it_and_is_not_under_the_buttons(visit: Visit, tmp_path: Path) -> None:
    wrong, silent = tmp_path / "notes.txt", tmp_path / "silent.wav"
    wrong.write_bytes(b"hello")
    write_voice(silent, 0 * make_tone(1.2, KINDS["wav"].sampling_rate), KINDS["wav"])
    visitor = visit(phone=True)
    visitor.add_voice(silent)
    expect(visitor.note("voice")).to_contain_text("silent")
    expect(visitor.tab.locator("#estimate")).to_have_text("Add a photo and a voice to see time and price.")
    visitor.tab.wait_for_function(IS_ABOVE_THE_BUTTONS, timeout=PATIENCE)
    visitor.add_photo()
    visitor.drop("#photo", wrong)
    expect(visitor.note("photo")).to_have_attribute("data-kind", "error")
    visitor.drop("#photo", PHOTO)
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)


@pytest.mark.parametrize(
    ("locale", "widget", "status", "sentence"),
    [
        ("en-US", "photo", 429, "You have uploaded a lot"),
        ("de-DE", "voice", 507, "Der Server hat keinen Platz"),
        ("en-US", "photo", 503, "The file did not arrive."),
    ],
)
def test_a_refused_upload_is_told_beside_its_widget(
    visit: Visit, voice_file: Path, locale: str, widget: str, status: int, sentence: str
) -> None:
    visitor = visit(locale=locale)
    visitor.tab.route("**/upload?*", lambda route: route.fulfill(status=status, json={"status": status}))
    files = {"photo": PHOTO, "voice": voice_file}
    visitor.tab.locator(f"#{widget} input[type=file]").set_input_files(files[widget])
    expect(visitor.note(widget)).to_contain_text(sentence, timeout=PATIENCE)
    expect(visitor.tab.locator(".toast-body")).to_have_count(0)
    visitor.tab.unroute_all()


def test_a_file_that_is_too_large_is_told_beside_its_widget(visit: Visit) -> None:
    visitor = visit(locale="de-DE")
    visitor.tab.locator("#voice").evaluate(DROP_LARGE)
    expect(visitor.note("voice")).to_have_text("Diese Datei ist zu groß. Bitte eine kleinere wählen.", timeout=PATIENCE)
    expect(visitor.tab.locator(".toast-body")).to_have_count(0)


def test_a_link_to_nothing_says_so(visit: Visit) -> None:
    visitor = visit("/?job=AAAAAAAAAAAAAAAAAAAAAA")
    visitor.wait_for("gone")


def test_a_photo_on_the_servers_disk_cannot_be_named(server: Server) -> None:
    files = [{"path": str(path), "meta": {"_type": "gradio.FileData"}} for path in (PHOTO, PHOTO)]
    answer = server.client.post("/gradio_api/call/submit", json={"data": [*files, "preview", 5, "", -1, "auto", 0, 1]})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:video-lab:problem:upload-not-found"
