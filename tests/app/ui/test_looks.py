"""What people see, hear and reach: sizes, colours, keyboard, screen readers, languages."""

import json
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.app.server import Server
from tests.app.ui.conftest import Visit
from tests.app.ui.devices import PHONE
from tests.app.ui.visitor import PATIENCE, Visitor

FINGER = 44
WIDEST = 1240
# The line that is read out to screen readers is a dot wide; what is clipped sticks out of nothing.
STICKS_OUT = """() => [...document.querySelectorAll("#main *, .top *")].filter((element) => {
  const box = element.getBoundingClientRect();
  const clipped = element.closest("svg, .player, [class*=waveform], .image-frame");
  return box.width > 1 && !clipped && box.left >= 0 && box.right > innerWidth + 1;
}).map((element) => element.outerHTML.slice(0, 120))"""
SMALL_BUTTONS = """(least) => [...document.querySelectorAll("#voice button:not(.icon-button)")].filter((button) => {
  const box = button.getBoundingClientRect();
  return box.width > 0 && Math.min(box.width, box.height) < least;
}).map((button) => button.outerHTML.slice(0, 120))"""
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"


def find_barriers(visitor: Visitor) -> list[str]:
    """Return what axe calls serious or critical."""
    found = Axe().run(visitor.tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def test_nobody_with_a_phone_in_the_sun_meets_a_barrier(visit: Visit, voice_file: Path) -> None:
    visitor = visit(phone=True)
    expect(visitor.tab.locator("#opening")).to_have_count(0)
    visitor.check_shift()
    assert visitor.ask(BACKGROUND) == "rgb(246, 244, 240)"
    find_barriers_of_filling_in(visitor, voice_file)
    expect(visitor.tab.get_by_role("button", name="Trim", exact=True)).to_be_visible(timeout=PATIENCE)
    assert visitor.tab.evaluate(SMALL_BUTTONS, FINGER) == []


def test_nobody_with_a_dark_desktop_meets_a_barrier(visit: Visit, voice_file: Path) -> None:
    visitor = visit(dark=True)
    expect(visitor.tab.locator("#opening")).to_have_count(0)
    visitor.check_shift()
    assert visitor.ask(BACKGROUND) == "rgb(19, 18, 16)"
    find_barriers_of_filling_in(visitor, voice_file)


def find_barriers_of_filling_in(visitor: Visitor, voice_file: Path) -> None:
    assert find_barriers(visitor) == []
    visitor.fill_in(voice_file)
    visitor.press("Adjust the frame")
    assert find_barriers(visitor) == []


def test_nobody_meets_a_barrier_at_the_result(visit: Visit, done_job: str) -> None:
    find_barriers_at_the_result(visit(f"/?job={done_job}", dark=True), done_job)


def test_on_a_phone_the_result_fits_without_a_barrier_and_the_main_button_is_at_hand(
    visit: Visit, done_job: str
) -> None:
    visitor = visit(f"/?job={done_job}", phone=True)
    visitor.wait_for("done")
    assert visitor.ask("() => document.documentElement.scrollWidth") == PHONE["width"]
    box = visitor.tab.locator("#preview").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"]
    assert box["height"] >= FINGER
    expect(visitor.video).to_be_in_viewport(timeout=PATIENCE)
    find_barriers_at_the_result(visitor, done_job)


def find_barriers_at_the_result(visitor: Visitor, job_id: str) -> None:
    visitor.wait_for("done")
    visitor.press("Preview")
    expect(visitor.note("photo")).to_have_attribute("data-kind", "error")
    assert find_barriers(visitor) == []
    visitor.tab.goto(f"{visitor.address}/v/{job_id}")
    assert find_barriers(visitor) == []


def test_nothing_moves_when_a_tab_with_a_job_and_files_is_loaded_anew(
    visit: Visit, done_job: str, voice_file: Path
) -> None:
    visitor = visit(phone=True)
    visitor.fill_in(voice_file)
    visitor.open(f"/?job={done_job}")
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    expect(visitor.note("voice")).to_contain_text("Voice found", timeout=PATIENCE)
    expect(visitor.video).to_be_in_viewport(timeout=PATIENCE)
    visitor.check_shift()


def test_the_headline_is_there_before_the_page_is_built(visit: Visit) -> None:
    tab = visit().tab
    tab.route("**/assets/*.js", lambda route: route.abort())
    tab.reload(wait_until="commit")
    expect(tab.get_by_role("heading", level=1)).to_have_text("Make a photo talk", timeout=PATIENCE)
    tab.unroute_all()


def test_everything_can_be_done_with_the_keyboard(visit: Visit, voice_file: Path) -> None:
    visitor = visit()
    with visitor.tab.expect_file_chooser() as photo:
        visitor.tab.locator("#photo button.upload-container").press("Enter")
    photo.value.set_files("assets/photos/grace_hopper.jpg")
    with visitor.tab.expect_file_chooser() as voice:
        visitor.tab.locator("#voice button.upload-container").press("Enter")
    voice.value.set_files(voice_file)
    expect(visitor.note("voice")).to_contain_text("Voice found", timeout=PATIENCE)
    expect(visitor.note("photo")).to_contain_text("Face found", timeout=PATIENCE)
    visitor.tab.locator("#voice-video").focus()
    for _ in range(4):  # the length as a number and as a slider, what is advanced, consent
        visitor.tab.keyboard.press("Tab")
    visitor.tab.keyboard.press("Space")
    visitor.tab.keyboard.press("Tab")
    visitor.tab.keyboard.press("Enter")
    visitor.wait_for("done")


def test_tab_goes_through_the_page_from_top_to_bottom(visit: Visit) -> None:
    visitor = visit()
    where = "() => document.activeElement.closest('[id]:not([id^=html-])')?.id"
    reached = []
    for _ in range(30):
        visitor.tab.keyboard.press("Tab")
        reached.append(visitor.ask(where))
    order = ["top", "examples", "photo", "voice", "preview"]
    seen = [name for name in dict.fromkeys(reached) if name in order]
    assert seen == order


def test_the_browsers_language_is_spoken_and_can_be_switched(visit: Visit, voice_file: Path) -> None:
    visitor = visit(locale="de-DE")
    assert visitor.ask("() => document.documentElement.lang") == "de"
    visitor.press("Vorschau")
    expect(visitor.note("photo")).to_have_text("Zuerst ein Foto mit einem Gesicht hinzufügen.")
    visitor.add_voice(voice_file)
    expect(visitor.note("voice")).to_contain_text("Stimme gefunden: 1,2 s Ton")
    expect(visitor.tab.locator("#voice").get_by_role("button", name="Lautstärke")).to_be_visible()
    visitor.tab.get_by_role("button", name="Kamera").click()
    visitor.tab.get_by_role("button", name="Kamera einschalten").click()
    expect(visitor.tab.get_by_role("button", name="Foto aufnehmen")).to_be_visible(timeout=PATIENCE)
    visitor.tab.get_by_role("link", name="English").click()
    expect(visitor.tab.get_by_role("heading", level=1)).to_have_text("Make a photo talk", timeout=PATIENCE)
    assert visitor.open().tab.url == f"{visitor.address}/"


def test_an_upload_is_told_in_the_pages_language(visit: Visit, voice_file: Path) -> None:
    visitor = visit(locale="de-DE")
    visitor.tab.route("**/upload*", lambda _: None)
    visitor.tab.locator("#voice input[type=file]").set_input_files(voice_file)
    expect(visitor.tab.locator("#voice .uploading")).to_have_text("Wird hochgeladen …", timeout=PATIENCE)
    visitor.tab.unroute_all(behavior="ignoreErrors")
    visitor.open()


def test_our_own_files_stay_small(server: Server) -> None:
    sizes = {
        path.name: path.stat().st_size for path in Path("app/ui/assets").iterdir() if path.suffix in {".css", ".js"}
    }
    of_people = sizes.pop("people.css") + sizes.pop("people.js")
    of_other_pages = sum(sizes.pop(name) for name in ("share.css", "verify.css", "verify.js"))
    assert sum(sizes.values()) < 48_500, json.dumps(sizes)
    assert of_other_pages <= 18_000
    assert of_people <= 16_000


def test_nothing_sticks_out_at_any_width(visit: Visit, voice_file: Path) -> None:
    visitor = visit(locale="de-DE")
    visitor.fill_in(voice_file)
    for width in (320, 768, 1920):
        visitor.tab.set_viewport_size({"width": width, "height": 800})
        visitor.ask("() => new Promise(requestAnimationFrame)")
        assert visitor.ask(STICKS_OUT) == [], width
        widest = visitor.tab.locator("#main").bounding_box()
        assert widest is not None
        assert widest["width"] <= min(width, WIDEST)
