"""Devices that visitors use one after the other: starting one takes longer than most visits."""

from collections import defaultdict
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
# The page may be in the middle of keeping something.
_FORGET = "() => { localStorage.clear(); sessionStorage.clear(); Storage.prototype.setItem = () => undefined; }"


@dataclass(frozen=True)
class Device:
    """What a page can learn of a device."""

    phone: bool = False
    dark: bool = False
    locale: str = "en-US"

    @property
    def size(self) -> ViewportSize:
        """Of its window."""
        return PHONE if self.phone else DESKTOP

    def start(self, browser: Browser) -> Page:
        """Return its only tab."""
        context = browser.new_context(
            viewport=self.size,
            has_touch=self.phone,
            is_mobile=self.phone,
            color_scheme="dark" if self.dark else "light",
            locale=self.locale,
            reduced_motion="reduce",  # a browser without a graphics card draws each frame of a motion
            permissions=["clipboard-read", "clipboard-write"],
        )
        return context.new_page()


class Devices:
    """Lends tabs; each is on a device of its own, which remembers nothing but the files that the browser has cached."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: defaultdict[Device, list[Page]] = defaultdict(list)

    def take(self, device: Device) -> Page:
        """Return a tab that nobody uses."""
        idle = self._idle[device]
        return idle.pop() if idle else device.start(self._browser)

    def give_back(self, device: Device, tab: Page) -> None:
        """Clear the tab for the next visitor."""
        tab.context.set_offline(offline=False)
        tab.set_viewport_size(device.size)
        tab.evaluate(_FORGET)
        tab.goto("about:blank")
        tab.context.clear_cookies()
        self._idle[device].append(tab)
