"""Pictures of the page in every state, for the documentation: `python -m tests.app.ui.screenshots`.

Each is taken at two sizes, light and dark, from a real server, and saved as WebP.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect, sync_playwright

from tests.app.conftest import cut_voice
from tests.app.server import Server
from tests.app.ui.browser import launch
from tests.app.ui.devices import DESKTOP, PHONE
from tests.app.ui.visitor import PATIENCE, PHOTO, Visitor, save_two_people

FOLDER = Path("docs/screenshots")
HEIGHT = "() => document.querySelector('.gradio-container')?.scrollHeight"
VIDEOS = "document.querySelectorAll('#result video, main > video, .shown video')"
LOAD_VIDEOS = f"() => {VIDEOS}.forEach((video) => {{ video.preload = 'auto' }})"
VIDEOS_LOADED = f"() => [...{VIDEOS}].every((video) => video.readyState >= 4)"
PASSWORD = "correct horse"
_QUALITY = 72
State = Callable[[Visitor], object]


class Tour:
    """Goes through the states of the page, one after the other."""

    def __init__(self, server: Server, locked: Server, folder: Path) -> None:
        self.server = server
        self.locked = f"http://127.0.0.1:{locked.port}"
        self.voice = folder / "voice.wav"
        self.voice.write_bytes(cut_voice(6))
        self.two = save_two_people(folder)
        self.photo = PHOTO.read_bytes()
        self.done = self._make(cut_voice(3))
        self.cancelled = self._cancel()

    @property
    def states(self) -> dict[str, State]:
        """The states by name."""
        return {
            "empty": lambda _: None,
            "errors": self.show_errors,
            "filled": lambda visitor: visitor.fill_in(self.voice),
            "consent": self.show_consent,
            "two-faces": lambda visitor: visitor.add_photo(self.two),
            "dialogue": self.show_dialogue,
            "turns": self.show_turns,
            "advanced": self.show_advanced,
            "running": self.show_running,
            "example": self.show_example,
            "done": lambda visitor: self._open(visitor, self.done, "done"),
            "failed": self.show_failed,
            "cancelled": lambda visitor: self._open(visitor, self.cancelled, "cancelled"),
            "my-videos": self.show_library,
            "share": lambda visitor: visitor.go(f"/v/{self.done}"),
            "report": lambda visitor: visitor.go(f"/v/{self.done}/report"),
            "verify": lambda visitor: visitor.go("/verify"),
            "verify-made-here": self.show_made_here,
            "sign-in": lambda visitor: visitor.tab.goto(self.locked),
            "sign-in-wrong": lambda visitor: self._sign_in(visitor, "vl_wrong"),
            "signed-in": lambda visitor: self._sign_in(visitor, PASSWORD).goto(f"{self.locked}/sign-in"),
        }

    def show_errors(self, visitor: Visitor) -> None:
        """Press Preview with nothing there."""
        visitor.press("Preview")
        expect(visitor.note("voice")).to_be_visible(timeout=PATIENCE)

    def show_advanced(self, visitor: Visitor) -> None:
        """Open all that can be opened."""
        visitor.fill_in(self.voice)
        visitor.press("Adjust the frame")
        visitor.press("Advanced")

    def show_consent(self, visitor: Visitor) -> None:
        """Press Preview before the box is ticked."""
        visitor.add_photo()
        visitor.add_voice(self.voice)
        visitor.press("Preview")
        expect(visitor.note("consent")).to_be_visible(timeout=PATIENCE)

    def show_dialogue(self, visitor: Visitor) -> None:
        """Let both people of a photo speak, one after the other."""
        self._let_both_speak(visitor)
        for place in range(2):
            visitor.tab.locator(f"#voice-{place} input[type=file]").set_input_files(self.voice)
            expect(visitor.note(f"voice-{place}").first).to_be_visible(timeout=PATIENCE)
        visitor.tab.get_by_role("radio", name="One after the other").check()
        expect(visitor.tab.get_by_role("button", name="Let person 2 speak earlier")).to_be_visible(timeout=PATIENCE)

    def show_turns(self, visitor: Visitor) -> None:
        """Take one recording of both apart, and choose a part of it."""
        self._let_both_speak(visitor)
        visitor.tab.get_by_role("radio", name="One recording for all").check()
        visitor.tab.locator("#voice input[type=file]").set_input_files(self.voice)
        visitor.tab.locator(".turn").first.click()

    def _let_both_speak(self, visitor: Visitor) -> None:
        visitor.add_photo(self.two)
        visitor.tab.get_by_role("button", name="Person 2").click()
        expect(visitor.tab.locator(".own")).to_have_count(2, timeout=PATIENCE)

    def show_running(self, visitor: Visitor) -> None:
        """Open a job in the middle of its run."""
        job = self.server.submit(self.photo, cut_voice(11))["job_id"]
        self.server.wait_for_frames(job)
        visitor.open(f"/?job={job}").wait_for("running")
        expect(visitor.status).to_contain_text("Drawing the frames", timeout=PATIENCE)

    def show_example(self, visitor: Visitor) -> None:
        """Press an example and wait for its video."""
        visitor.tab.get_by_role("button", name="Mona Lisa").click()
        visitor.wait_for("done")
        expect(visitor.tab.locator("#crop img")).to_be_visible(timeout=PATIENCE)
        expect(visitor.tab.locator(".videos img")).to_be_visible(timeout=PATIENCE)

    def show_failed(self, visitor: Visitor) -> None:
        """Open a job whose process was killed."""
        job = self.server.submit(self.photo, cut_voice(11))["job_id"]
        while self.server.show(job)["status"] != "failed":
            self.server.wait_for(job, "running", "failed")
            for worker in self.server.find_workers():
                worker.kill()
        self._open(visitor, job, "failed")

    def show_library(self, visitor: Visitor) -> None:
        """Make a video on this device and open the page anew."""
        visitor.fill_in(self.voice)
        visitor.tab.locator("#use-seconds input[type=number]").fill("1.5")
        visitor.tab.keyboard.press("Tab")
        visitor.press("Preview")
        visitor.wait_for("done")
        visitor.open()
        expect(visitor.note("voice")).to_be_visible(timeout=PATIENCE)
        visitor.tab.locator("#library").scroll_into_view_if_needed()
        expect(visitor.tab.locator(".videos img")).to_be_visible(timeout=PATIENCE)

    def show_made_here(self, visitor: Visitor) -> None:
        """Check a video of this server's, as a file."""
        content = self.server.client.get(f"/jobs/{self.done}/video").content
        file: FilePayload = {"name": "video.mp4", "mimeType": "video/mp4", "buffer": content}
        visitor.go("/verify").tab.locator("#file").set_input_files(file)
        expect(visitor.tab.locator("#answer")).to_have_attribute("data-state", "here", timeout=PATIENCE)

    def _sign_in(self, visitor: Visitor, secret: str) -> Page:
        visitor.tab.goto(self.locked)
        visitor.tab.get_by_label("Key or password").fill(secret)
        visitor.tab.get_by_role("button", name="Sign in").click()
        return visitor.tab

    def _open(self, visitor: Visitor, job: str, state: str) -> None:
        visitor.open(f"/?job={job}").wait_for(state)

    def _make(self, voice: bytes) -> str:
        return str(self.server.wait_for(self.server.submit(self.photo, voice)["job_id"])["job_id"])

    def _cancel(self) -> str:
        job = str(self.server.submit(self.photo, cut_voice(11))["job_id"])
        self.server.client.delete(f"/jobs/{job}").raise_for_status()
        return str(self.server.wait_for(job)["job_id"])


def take(visitor: Visitor, name: str) -> None:
    """Save what the tab shows, the whole page."""
    visitor.tab.evaluate("() => document.fonts.ready")
    # Until a video has loaded, the browser draws a turning arc over it.
    visitor.tab.evaluate(LOAD_VIDEOS)
    visitor.tab.wait_for_function(VIDEOS_LOADED)
    visitor.tab.wait_for_timeout(1000)
    size = visitor.tab.viewport_size or DESKTOP
    # A window as high as the page: what sticks to the window's foot would else lie over the middle.
    visitor.tab.set_viewport_size({"width": size["width"], "height": visitor.ask(HEIGHT) or size["height"]})
    visitor.tab.evaluate("() => scrollTo(0, 0)")
    visitor.tab.wait_for_timeout(700)
    picture = Image.open(io.BytesIO(visitor.tab.screenshot(full_page=True)))
    picture.convert("RGB").save(FOLDER / f"{name}.webp", quality=_QUALITY, method=6)


def open_device(browser: Browser, *, phone: bool, dark: bool) -> BrowserContext:
    """Return a device of that size and colour."""
    return browser.new_context(
        viewport=PHONE if phone else DESKTOP,
        has_touch=phone,
        is_mobile=phone,
        color_scheme="dark" if dark else "light",
        locale="en-US",
    )


def main(wanted: list[str]) -> None:
    """Take the pictures of the states that are named, or of all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        sync_playwright() as playwright,
        launch(playwright) as browser,
        Server(Path(name) / "data", page="on") as server,
        Server(Path(name) / "locked", page="on", password=PASSWORD) as locked,
    ):
        tour = Tour(server, locked, Path(name))
        for state in wanted or tour.states:
            for phone, dark in ((False, False), (True, False), (False, True), (True, True)):
                device = open_device(browser, phone=phone, dark=dark)
                visitor = Visitor(device.new_page(), f"http://127.0.0.1:{server.port}").open()
                tour.states[state](visitor)
                take(visitor, f"{state}-{'phone' if phone else 'desktop'}-{'dark' if dark else 'light'}")
                device.close()


if __name__ == "__main__":
    main(sys.argv[1:])
