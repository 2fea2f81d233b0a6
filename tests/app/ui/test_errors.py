"""What goes wrong is said beside the widget that it is about."""

from pathlib import Path

from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, PHOTO, Visitor
from tests.voices import KINDS, make_tone, write_voice

IS_ABOVE_THE_BUTTONS = """() => document.querySelector("#voice-note .note").getBoundingClientRect().bottom
  <= document.querySelector("#actions").getBoundingClientRect().top"""

DROP_LARGE = """(element) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([new Uint8Array(106e6)], "large.wav", { type: "audio/wav" }));
  element.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""


def test_photo_and_voice_are_asked_for_and_what_cannot_run_is_not_offered(visit: Visit) -> None:
    visitor = visit()
    visitor.press("Preview")
    expect(visitor.note("photo")).to_have_text("Add a photo of a face first.")
    expect(visitor.note("voice")).to_contain_text("Add a voice first")
    expect(visitor.note("profile")).to_contain_text("There are two ways to use it", timeout=PATIENCE)
    expect(visitor.notes("profile")).to_have_count(1)
    expect(visitor.tab.locator("#profile input")).to_have_count(0)
    expect(visitor.generate).not_to_be_visible()


def test_wrong_files_are_named(visit: Visit, tmp_path: Path) -> None:
    visitor = visit()
    for widget, name, content, sentence in (
        ("photo", "notes.txt", b"hello", "This file is not a picture."),
        ("photo", "broken.jpg", b"hello", "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture"),
        ("voice", "notes.txt", b"hello", "This file is not a recording."),
        ("voice", "broken.wav", b"hello", "This is no recording of a known kind."),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        visitor.tab.locator(f"#{widget} input[type=file]").set_input_files(path)
        expect(visitor.note(widget)).to_contain_text(sentence, timeout=PATIENCE)
        expect(visitor.note(widget)).to_have_attribute("data-kind", "error")
        expect(visitor.tab.locator(".toast-body")).to_have_count(0)


def test_photos_that_cannot_be_read_leave_room_for_another_also_after_a_good_one(visit: Visit, tmp_path: Path) -> None:
    visitor = visit()
    for name, content, sentence in (
        ("broken.jpg", b"hello", "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture"),
        ("cut.jpg", PHOTO.read_bytes()[:3000], "damaged or cut short"),
        ("broken.heic", b"0000ftypheic", ""),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        visitor.tab.locator("#photo input[type=file]").set_input_files(path)
        expect(visitor.note("photo")).to_have_attribute("data-kind", "error", timeout=PATIENCE)
        expect(visitor.note("photo")).to_contain_text(sentence)
        visitor.tab.wait_for_function(
            "() => sessionStorage.getItem('video-lab-kept') === '[\"\",\"\",false]'", timeout=PATIENCE
        )
        expect(visitor.tab.locator("#photo img")).to_have_count(0)
        expect(visitor.note("photo")).to_have_attribute("data-kind", "error")
        visitor.add_photo()
        expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
        visitor.tab.locator("#photo").get_by_role("button", name="Remove the photo").click()
        expect(visitor.notes("photo")).to_have_count(0, timeout=PATIENCE)


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


def test_refused_uploads_are_told_beside_their_widget(visit: Visit) -> None:
    visitor = visit()
    for status, sentence in ((429, "You have uploaded a lot"), (503, "The file did not arrive.")):
        refuse_uploads(visitor, "photo", PHOTO, status, sentence)


def test_what_is_too_much_for_the_server_is_told_beside_its_widget(visit: Visit, voice_file: Path) -> None:
    visitor = visit(locale="de-DE")
    refuse_uploads(visitor, "voice", voice_file, 507, "Der Server hat keinen Platz")
    visitor.tab.locator("#voice").evaluate(DROP_LARGE)
    expect(visitor.note("voice")).to_have_text("Diese Datei ist zu groß. Bitte eine kleinere wählen.", timeout=PATIENCE)
    expect(visitor.tab.locator(".toast-body")).to_have_count(0)


def refuse_uploads(visitor: Visitor, widget: str, file: Path, status: int, sentence: str) -> None:
    visitor.tab.route("**/upload?*", lambda route: route.fulfill(status=status, json={"status": status}))
    visitor.tab.locator(f"#{widget} input[type=file]").set_input_files(file)
    expect(visitor.note(widget)).to_contain_text(sentence, timeout=PATIENCE)
    expect(visitor.tab.locator(".toast-body")).to_have_count(0)
    visitor.tab.unroute_all()


def test_a_link_to_nothing_says_so(visit: Visit) -> None:
    visitor = visit("/?job=AAAAAAAAAAAAAAAAAAAAAA")
    visitor.wait_for("gone")


def test_a_photo_on_the_servers_disk_cannot_be_named(server: Server) -> None:
    files = [{"path": str(path), "meta": {"_type": "gradio.FileData"}} for path in (PHOTO, PHOTO)]
    answer = server.client.post("/gradio_api/call/submit", json={"data": [*files, "preview", 5, "", -1, "auto", 0, 1]})
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:video-lab:problem:upload-not-found"
