"""Someone who uses the page in a real browser."""

from base64 import b64encode
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from PIL import Image
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

PHOTO = Path("assets/photos/grace_hopper.jpg").resolve()
SECOND_PHOTO = Path("assets/photos/mona_lisa.jpg").resolve()
PATIENCE = 60_000
MOST_SHIFT = 0.05
_SHIFT = """() => new Promise((tell) => {
  const add = (list) => tell(list.getEntries().reduce((sum, { value }) => sum + value, 0));
  new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => tell(0), 500);
})"""
_DROP = """(element, files) => {
  const dataTransfer = new DataTransfer();
  for (const { name, type, bytes } of files) {
    dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (byte) => byte.charCodeAt(0))], name, { type }));
  }
  element.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
}"""


def save_two_people(folder: Path) -> Path:
    """Put both example portraits on one wall, the larger face on the left."""
    wall = Image.new("RGB", (1200, 600), "#8a8f98")
    with Image.open(PHOTO) as first, Image.open(SECOND_PHOTO) as second:
        wall.paste(first.convert("RGB"), (40, 0))
        wall.paste(second.convert("RGB").resize((300, 400)), (800, 150))
    path = folder / "two.png"
    wall.save(path)
    return path


class Visitor:
    """A browser tab with the page in it.

    Attributes:
        tab: Playwright's page.
        requests: Addresses of all that the tab has asked for.
        open_requests: Those that were not answered in full.
        errors: What scripts in the tab have thrown, and what a policy has forbidden.
    """

    def __init__(self, tab: Page, address: str) -> None:
        self.tab = tab
        self.address = address
        self.requests: list[str] = []
        self.open_requests: set[str] = set()
        self.errors: list[str] = []
        self.tab.set_default_timeout(PATIENCE)
        self._listeners = {
            "pageerror": lambda error: self.errors.append(str(error)),
            "console": self._note_refusal,
            "request": self._note,
            "requestfinished": self._note_end,
            "requestfailed": self._note_end,
        }
        for event, listener in self._listeners.items():
            self.tab.on(event, listener)

    @property
    def status(self) -> Locator:
        """The status card."""
        return self.tab.locator("#status .status")

    @property
    def generate(self) -> Locator:
        """The main button."""
        return self.tab.locator("#generate")

    @property
    def video(self) -> Locator:
        """The finished video."""
        return self.tab.locator("#result video")

    @property
    def job_id(self) -> str:
        """The job in the address."""
        return parse_qs(urlparse(self.tab.url).query)["job"][0]

    def open(self, path: str = "/") -> "Visitor":
        """Open the page and wait until it can be used."""
        self.tab.goto(f"{self.address}{path}", wait_until="commit")
        return self.wait_until_ready()

    def go(self, path: str) -> "Visitor":
        """Open another page than the one that Gradio builds."""
        self.tab.goto(f"{self.address}{path}")
        return self

    def leave(self) -> None:
        """Watch the tab no longer."""
        for event, listener in self._listeners.items():
            self.tab.remove_listener(event, listener)

    def wait_until_ready(self) -> "Visitor":
        """Wait for what only the server can say, and until the page stands."""
        expect(self.tab.locator(".chip")).to_be_visible(timeout=PATIENCE)
        expect(self.tab.locator("#opening")).to_have_count(0, timeout=PATIENCE)
        return self

    def add_photo(self, photo: Path = PHOTO) -> None:
        """Upload a photo and wait for what was found in it."""
        self.tab.locator("#photo input[type=file]").set_input_files(photo)
        expect(self.tab.locator("#photo-card .note").first).to_be_visible(timeout=PATIENCE)

    def add_voice(self, voice: Path) -> None:
        """Upload a voice and wait for what was found in it."""
        self.tab.locator("#voice input[type=file]").set_input_files(voice)
        expect(self.note("voice")).to_be_visible(timeout=PATIENCE)

    def drop(self, place: str, *files: Path) -> None:
        """Let files fall on an element, as from a folder; a browser knows their kinds by their names."""
        given = [
            {"name": file.name, "type": guess_type(file)[0] or "", "bytes": b64encode(file.read_bytes()).decode()}
            for file in files
        ]
        self.tab.locator(place).evaluate(_DROP, given)

    def fill_in(self, voice: Path) -> None:
        """Upload a photo and a voice, which may be used."""
        self.add_photo()
        self.add_voice(voice)
        self.agree()

    def agree(self) -> None:
        """Say that face and voice may be used."""
        self.tab.locator("#consent input").check()

    def note(self, field: str) -> Locator:
        """The first sentence beside a widget: while one takes another's place, both are there."""
        return self.notes(field).first

    def notes(self, field: str) -> Locator:
        """All sentences beside a widget."""
        return self.tab.locator(f"#{field}-note .note")

    def press(self, name: str) -> None:
        """Press a button."""
        self.tab.get_by_role("button", name=name, exact=True).click()

    def wait_for(self, state: str) -> None:
        """Wait until the status card has the state."""
        expect(self.status).to_have_attribute("data-state", state, timeout=PATIENCE)

    def show_frame(self) -> str:
        """Return the picture in the tile."""
        picture = self.tab.locator("#crop img")
        expect(picture).to_be_visible(timeout=PATIENCE)
        return picture.get_attribute("src") or ""

    def open_adjustments(self) -> None:
        """Show what moves the frame. Gradio puts it in place in steps, and forgets what is done between them."""
        self.press("Adjust the frame")
        expect(self.tab.locator("#zoom input[type=range]")).to_be_visible(timeout=PATIENCE)
        self.ask("() => new Promise(done => requestIdleCallback(() => requestAnimationFrame(done)))")

    def wait_for_other_frame(self, before: str) -> str:
        """Return the picture in the tile once it is another one."""
        expect(self.tab.locator("#crop img")).not_to_have_attribute("src", before, timeout=PATIENCE)
        return self.show_frame()

    def ask(self, script: str) -> Any:  # noqa: ANN401 - whatever the script returns
        """Return what a script in the tab says."""
        return self.tab.evaluate(script)

    def measure_shift(self) -> float:
        """Return how much has moved by itself since the page was opened, as browsers count it."""
        return float(self.ask(_SHIFT))

    def check_shift(self, since: float = 0.0, limit: float = MOST_SHIFT) -> None:
        """Fail if more than a little has moved by itself since it was measured."""
        moved = self.measure_shift() - since
        assert moved < limit, f"The page has moved by {moved:.3f}"

    def find_foreign_requests(self) -> list[str]:
        """Return the addresses on other hosts that were asked for."""
        own = {urlparse(self.address).netloc, ""}
        return [url for url in self.requests if urlparse(url).netloc not in own]

    def _note_refusal(self, message: ConsoleMessage) -> None:
        """Note what the browser did not do because a policy forbids it."""
        if "Content Security Policy" in message.text or "Permissions-Policy" in message.text:
            self.errors.append(message.text)

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)
        self.open_requests.add(request.url)

    def _note_end(self, request: Request) -> None:
        self.open_requests.discard(request.url)
