"""Whoever makes the first video of a session says that face and voice may be used."""

from pathlib import Path

from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE

HAS_ROOM_FOR_ITS_RING = """(box) => {
  const { outlineWidth, outlineOffset } = getComputedStyle(box);
  const ring = box.getBoundingClientRect().left - parseFloat(outlineWidth) - parseFloat(outlineOffset);
  let lowest = 0;
  for (let around = box.parentElement; around; around = around.parentElement) {
    const { left } = around.getBoundingClientRect();
    if (getComputedStyle(around).overflowX !== "visible") lowest = Math.max(lowest, left);
  }
  return box.matches(":focus-visible") && parseFloat(outlineWidth) === 3 && ring >= lowest;
}"""


def test_the_box_is_asked_for_where_it_is_and_once(visit: Visit, server: Server, voice_file: Path) -> None:
    visitor = visit(phone=True)
    box, sentence = visitor.tab.locator("#consent input"), visitor.note("consent")
    visitor.add_photo()
    visitor.add_voice(voice_file)
    for _ in range(2):
        visitor.press("Preview")
        expect(box).to_be_focused(timeout=PATIENCE)
        expect(sentence).to_have_text("Tick this box first. You are asked only once.")
        expect(visitor.tab.locator("#announcer")).to_contain_text("Tick this box first.")
        expect(sentence).to_be_in_viewport(ratio=1)
        visitor.tab.locator("#preview").focus()
    visitor.tab.keyboard.press("Shift+Tab")
    expect(box).to_be_focused()
    assert box.evaluate(HAS_ROOM_FOR_ITS_RING)
    visitor.tab.get_by_label("I may use this face and this voice").press("Space")
    expect(sentence).not_to_be_visible()
    visitor.press("Advanced")
    visitor.tab.get_by_label("Say in the picture").check()
    visitor.press("Preview")
    visitor.wait_for("done")
    expect(box).not_to_be_visible()
    job = server.show(visitor.job_id)
    assert (job["request"]["label"], job["consent"]["wording"]) == ("on", 1)
    visitor.open()
    expect(visitor.note("voice")).to_be_visible(timeout=PATIENCE)
    expect(box).to_be_checked()
    expect(box).not_to_be_visible()
