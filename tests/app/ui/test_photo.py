"""Which face, and how much around it."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.app.ui.conftest import Visit
from tests.app.ui.visitor import PATIENCE, Visitor, save_two_people
from tests.photos import TURNED, encode, open_hopper, save


@pytest.fixture(scope="session")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_two_people(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def with_two(visit: Visit, two_people: Path) -> Visitor:
    visitor = visit()
    visitor.add_photo(two_people)
    expect(visitor.tab.locator("#people .note")).to_have_text("2 faces found. Tap everyone who speaks.")
    return visitor


def test_a_tap_on_the_other_face_lets_it_speak_too(with_two: Visitor) -> None:
    before = with_two.show_frame()
    photo = with_two.tab.locator("#photo img")
    box = photo.bounding_box()
    assert box is not None
    photo.click(position={"x": box["width"] * 0.79, "y": box["height"] * 0.55})
    with_two.wait_for_other_frame(before)
    expect(with_two.tab.get_by_role("button", name="Person 2")).to_have_attribute("aria-pressed", "true")
    expect(with_two.tab.locator("#crop text")).to_have_text(["1", "2"])


def test_the_keyboard_chooses_who_speaks(with_two: Visitor) -> None:
    before = with_two.show_frame()
    with_two.tab.get_by_role("button", name="Person 1").focus()
    with_two.tab.keyboard.press("Tab")
    with_two.tab.keyboard.press("Space")
    frame = with_two.wait_for_other_frame(before)
    with_two.tab.get_by_role("button", name="Person 1").press("Enter")
    with_two.wait_for_other_frame(frame)
    expect(with_two.tab.locator("#faces [data-chosen=true] text")).to_have_text("2")


def test_the_frame_is_moved_zoomed_and_reshaped(visit: Visit) -> None:
    visitor = visit()
    visitor.add_photo()
    frame = visitor.show_frame()
    visitor.open_adjustments()
    visitor.tab.locator("#zoom input[type=range]").focus()
    visitor.tab.keyboard.press("ArrowRight")
    frame = visitor.wait_for_other_frame(frame)
    visitor.tab.locator("#shift-x input[type=range]").focus()
    visitor.tab.keyboard.press("ArrowLeft")
    frame = visitor.wait_for_other_frame(frame)
    visitor.tab.get_by_label("Square 1:1").check()
    visitor.wait_for_other_frame(frame)
    expect(visitor.note("photo")).to_contain_text("640")


def read_zoom(visitor: Visitor) -> float:
    return float(visitor.tab.locator("#crop .tile").get_attribute("data-zoom") or "")


def test_the_frame_is_zoomed_and_moved_by_mouse_and_keys_with_its_sliders_closed(visit: Visit) -> None:
    visitor = visit()
    visitor.add_photo()
    frame = visitor.show_frame()
    visitor.tab.locator("#crop .tile").hover()
    visitor.tab.mouse.wheel(0, -300)
    frame = visitor.wait_for_other_frame(frame)
    assert read_zoom(visitor) > 1.3
    visitor.tab.locator("[data-frame]").press("+")
    frame = visitor.wait_for_other_frame(frame)
    assert read_zoom(visitor) > 1.5
    box = visitor.tab.locator("#crop .tile").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visitor.tab.mouse.move(x, y)
    visitor.tab.mouse.down()
    visitor.tab.mouse.move(x - 20, y, steps=4)
    visitor.tab.mouse.up()
    frame = visitor.wait_for_other_frame(frame)
    assert float(visitor.tab.locator("#crop .tile").get_attribute("data-x") or "") > 0
    visitor.press("Undo")
    visitor.wait_for_other_frame(frame)
    assert read_zoom(visitor) == 1


def test_two_fingers_zoom_the_frame(visit: Visit) -> None:
    visitor = visit(phone=True)
    visitor.add_photo()
    frame = visitor.show_frame()
    visitor.tab.locator("#crop .tile").scroll_into_view_if_needed()
    box = visitor.tab.locator("#crop .tile").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    device = visitor.tab.context.new_cdp_session(visitor.tab)
    for kind, apart in (("touchStart", 20), ("touchMove", 30), ("touchMove", 40), ("touchEnd", None)):
        fingers = [] if apart is None else [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    visitor.wait_for_other_frame(frame)
    assert read_zoom(visitor) > 1.5


IS_SHOWN = """(shape) => {
  const photo = document.querySelector("#photo img");
  return photo?.naturalWidth > 0 && Math.abs(photo.naturalWidth / photo.naturalHeight - shape) < 0.01;
}"""


def test_a_photo_that_browsers_do_not_show_is_shown_and_upright(visit: Visit, tmp_path: Path) -> None:
    tall, visitor = open_hopper(), visit()
    wall, wide = Image.new("RGB", (600, 600), "#9ab"), tall.rotate(90, expand=True)
    square = tall.crop((0, 0, tall.width, tall.width))
    for picture, kind, shape, told in (
        (tall, "HEIF", tall.width / tall.height, "Face found"),
        (square, "TIFF", 1, "Face found"),
        (wide, "JPEG", tall.width / tall.height, "Face found"),
        (wall, "HEIF", 1, "No face was found"),
    ):
        visitor.drop("#photo", save(tmp_path, encode(picture, kind), f"photo.{kind.lower()}"))
        visitor.tab.wait_for_function(IS_SHOWN, arg=shape, timeout=PATIENCE)
        expect(visitor.note("photo")).to_contain_text(told, timeout=PATIENCE)


def test_a_face_that_only_the_model_can_use_is_framed_until_its_photo_goes(visit: Visit) -> None:
    visitor = visit()
    visitor.add_photo(TURNED)
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    expect(visitor.notes("photo").nth(1)).to_contain_text("too far for the preview", timeout=PATIENCE)
    visitor.press("Remove the photo")
    expect(visitor.notes("photo")).to_have_count(0, timeout=PATIENCE)
    expect(visitor.tab.locator("#crop [data-state=empty]")).to_be_visible(timeout=PATIENCE)
