"""What a screen reader says after each change, and where the keyboard goes on."""

from pathlib import Path

from playwright.sync_api import expect

from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, PHOTO, Visitor

NOTE_ALL = """() => {
  window.heard = [];
  const announcer = document.querySelector("#announcer");
  new MutationObserver(() => heard.push(announcer.textContent)).observe(announcer, { childList: true });
}"""
IS_HIDDEN = """() => {
  const [box, bar] = [document.activeElement, document.querySelector("#actions")].map((e) => e.getBoundingClientRect());
  return box.bottom > bar.top + 1 && box.top < bar.bottom && box.left < bar.right;
}"""


def wait_until_heard(visitor: Visitor, sentence: str) -> None:
    expect(visitor.tab.locator("#announcer")).to_contain_text(sentence, timeout=PATIENCE)


def test_what_is_missing_and_found_and_a_run_without_its_steps_is_read_out_and_its_video_deleted_with_the_keyboard(
    visit: Visit, voice_file: Path
) -> None:
    visitor = visit()
    visitor.press("Preview")
    wait_until_heard(visitor, "Add a photo of a face first. Add a voice first")
    visitor.add_photo()
    wait_until_heard(visitor, "Face found.")
    visitor.add_voice(voice_file)
    wait_until_heard(visitor, "Voice found: 1.2 s")
    visitor.agree()
    visitor.ask(NOTE_ALL)
    visitor.press("Preview")
    wait_until_heard(visitor, "Done. Made in")
    heard = visitor.ask("() => heard")
    assert len(heard) == len(set(heard))
    assert [sentence for sentence in heard if "Making the video" in sentence and " of " in sentence] == []
    visitor.tab.get_by_role("button", name="Delete Preview, 1.2 s").press("Enter")
    wait_until_heard(visitor, "Delete for good?")
    visitor.tab.get_by_role("button", name="Delete for good? Preview, 1.2 s").press("Enter")
    expect(visitor.tab.locator("#library")).to_be_focused(timeout=PATIENCE)


def test_the_keyboard_goes_on_where_a_button_has_gone(visit: Visit, voice_file: Path) -> None:
    visitor = visit()
    upload = visitor.tab.locator("#photo button.upload-container")
    upload.focus()
    visitor.tab.locator("#photo input[type=file]").set_input_files(PHOTO)
    expect(visitor.tab.locator("#photo-card")).to_be_focused(timeout=PATIENCE)
    visitor.add_voice(voice_file)
    visitor.agree()
    visitor.tab.locator("#preview").press("Enter")
    expect(visitor.tab.locator("#actions")).to_be_focused(timeout=PATIENCE)


def test_what_the_keyboard_reaches_is_not_under_the_buttons(visit: Visit, voice_file: Path) -> None:
    visitor = visit(phone=True)
    visitor.fill_in(voice_file)
    visitor.tab.locator("a.skip").focus()
    reached = 0
    for _ in range(22):
        visitor.tab.keyboard.press("Tab")
        is_outside = visitor.ask("() => !document.activeElement.closest('#actions')")
        reached += is_outside
        assert not (is_outside and visitor.ask(IS_HIDDEN)), visitor.ask("() => document.activeElement.outerHTML")
    assert reached > 15
