"""Two people in one photo: who speaks, a voice each, and one recording that is taken apart."""

import io
import json
import wave
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.app.conftest import cut_voice
from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.test_looks import FINGER, STICKS_OUT, find_barriers
from tests.app.ui.visitor import PATIENCE, Visitor, save_two_people

SMALL = """(least) => [...document.querySelectorAll("#people button, .own .heading button, .edit button, .grip")]
  .map((element) => [element.dataset.key ?? element.dataset.action, element.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && Math.min(box.width, box.height) < least).map(([name]) => name)"""
WAVE_IS_DRAWN = """() => {
  const wave = document.querySelector(".track canvas");
  return wave.getContext("2d").getImageData(0, 0, wave.width, wave.height).data.some((value) => value > 0);
}"""


@pytest.fixture
def with_two(visit: Visit, tmp_path: Path) -> Visitor:
    """A phone on which both people of a photo are to speak."""
    visitor = visit(phone=True)
    visitor.add_photo(save_two_people(tmp_path))
    visitor.agree()
    assert not [url for url in visitor.requests if "people." in url]
    visitor.check_shift()
    visitor.tab.get_by_role("button", name="Person 2").click()
    expect(visitor.tab.locator(".own")).to_have_count(2, timeout=PATIENCE)
    return visitor


def save_dialogue(path: Path) -> Path:
    """Say the same twice, with a pause between."""
    with wave.open(io.BytesIO(cut_voice(2.5))) as recording:
        rate, sound = recording.getframerate(), recording.readframes(recording.getnframes())
    path.write_bytes(cut_voice(2.5))
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes(sound + bytes(rate) + sound)
    return path


def add_own_voice(visitor: Visitor, place: int, seconds: float, folder: Path) -> None:
    path = folder / f"own-{place}.wav"
    path.write_bytes(cut_voice(seconds))
    visitor.tab.locator(f"#voice-{place} input[type=file]").set_input_files(path)
    expect(visitor.note(f"voice-{place}")).to_contain_text("Voice found", timeout=PATIENCE)


def read_turns(visitor: Visitor) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = json.loads(visitor.tab.locator(".timeline").get_attribute("data-turns") or "")
    return turns


def press_all(part: Locator, *keys: str) -> None:
    for key in keys:
        part.press(key)


def find_request(server: Server, visitor: Visitor) -> dict[str, Any]:
    [record] = [path for path in server.data_dir.glob("jobs/*/job.json") if path.parent.name == visitor.job_id]
    request: dict[str, Any] = json.loads(record.read_text())["request"]
    return request


def test_a_voice_each_in_turn(with_two: Visitor, server: Server, tmp_path: Path) -> None:
    visitor = with_two
    visitor.press("Preview")
    expect(visitor.note("voice-1")).to_have_text("Add the voice of person 2.")
    for place, seconds in enumerate((1.2, 1.5)):
        add_own_voice(visitor, place, seconds, tmp_path)
    other = tmp_path / "other.wav"
    other.write_bytes(cut_voice(1.8))
    visitor.drop("#voice-0", other)
    expect(visitor.note("voice-0")).to_contain_text("1.8 s", timeout=PATIENCE)
    expect(visitor.note("voice-1")).to_contain_text("1.5 s")
    before = visitor.measure_shift()
    visitor.tab.get_by_role("radio", name="One after the other").check()
    visitor.tab.get_by_role("button", name="Let person 2 speak earlier").click()
    expect(visitor.note("voice-0")).to_contain_text("1.5 s", timeout=PATIENCE)
    expect(visitor.tab.locator("#use-seconds input[type=range]")).to_have_attribute("max", "3.3", timeout=PATIENCE)
    visitor.check_shift(before)
    assert find_barriers(visitor) == []
    assert visitor.tab.evaluate(SMALL, FINGER) == []
    visitor.press("Preview")
    visitor.wait_for("done")
    expect(visitor.tab.locator(".facts").first).to_contain_text("Person 2 speaks")
    request = find_request(server, visitor)
    assert [speaker["face"] for speaker in request["speakers"]] == [1, 0]
    assert request["order"] == "in_turn"


def test_one_recording_is_taken_apart_and_corrected_by_keys_and_fingers(
    with_two: Visitor, server: Server, tmp_path: Path
) -> None:
    visitor = with_two
    visitor.tab.get_by_role("radio", name="One recording for all").check()
    visitor.tab.locator("#voice input[type=file]").set_input_files(save_dialogue(tmp_path / "dialogue.wav"))
    first = visitor.tab.locator(".turn").first
    expect(first).to_be_visible(timeout=PATIENCE)
    visitor.tab.wait_for_function(WAVE_IS_DRAWN, timeout=PATIENCE)
    found = read_turns(visitor)
    first.click()
    end = visitor.tab.get_by_role("slider", name="Ends")
    press_all(end, "ArrowLeft", "ArrowLeft", "Shift+ArrowLeft")
    assert read_turns(visitor)[0]["end_sec"] == pytest.approx(found[0]["end_sec"] - 1.2, abs=0.011)
    visitor.press("Split")
    first.press("ArrowDown" if found[0]["speaker"] == 0 else "ArrowUp")
    drag_end(visitor, "end", -12)
    changed = read_turns(visitor)
    assert len(changed) == len(found) + 1
    assert changed[0]["speaker"] != found[0]["speaker"]
    assert find_barriers(visitor) == []
    assert visitor.tab.evaluate(SMALL, FINGER) == []
    assert visitor.ask(STICKS_OUT.replace(".player", ".player, .scroll")) == []
    visitor.press("Preview")
    visitor.wait_for("done")
    assert find_request(server, visitor)["turns"] == changed
    visitor.press("Start over")
    assert read_turns(visitor) == found


def drag_end(visitor: Visitor, side: str, pixels: float) -> None:
    """Drag a border of the part that is chosen with a finger."""
    grip = visitor.tab.locator(f".grip[data-key={side}]")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    before = read_turns(visitor)
    x, y = box["x"] + 8, box["y"] + box["height"] / 2
    device = visitor.tab.context.new_cdp_session(visitor.tab)
    for kind, moved in (("touchStart", 0), ("touchMove", pixels / 2), ("touchMove", pixels), ("touchEnd", None)):
        fingers = [] if moved is None else [{"x": x + moved, "y": y, "id": 0}]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    assert read_turns(visitor) != before
