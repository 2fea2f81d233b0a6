"""Finds a browser for the tests, or installs one: `python -m tests.app.ui.browser`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

SETTING = "VIDEO_LAB_BROWSER"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
)  # fmt: skip


class NoBrowserError(Exception):
    """There is no browser and none could be installed."""


def launch(playwright: Playwright) -> Browser:
    """Start the browser."""
    return playwright.chromium.launch(executable_path=find_browser(playwright), args=list(_ARGUMENTS))


def find_browser(playwright: Playwright) -> Path:
    """Return the browser that is set, one that is installed, or a fresh one.

    Raises:
        NoBrowserError: None of these works.
    """
    if chosen := os.environ.get(SETTING):
        if not Path(chosen).is_file():
            raise NoBrowserError(f"{SETTING} is '{chosen}', which is no file. Name the program of a Chromium browser.")
        return Path(chosen)
    found = _find_installed(playwright)
    if found is None:
        _install()
        found = _find_installed(playwright)
    if found is None:
        raise NoBrowserError(
            "The browser tests need Chromium, and it could not be installed. Install it (Debian: apt-get install "
            f"chromium; elsewhere: playwright install chromium), or set {SETTING} to a browser's program."
        )
    return found


def _find_installed(playwright: Playwright) -> Path | None:
    on_path = [found for name in _NAMES if (found := shutil.which(name))]
    candidates = [*on_path, playwright.chromium.executable_path]
    return next((Path(path) for path in candidates if Path(path).is_file()), None)


def _install() -> None:
    """Install Debian's package as root, or else what Playwright brings; without success nothing is found later."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "-qq", "update"], check=False)
        install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "chromium"]
        if subprocess.run(install, check=False, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"}).returncode == 0:
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Say which browser the tests will use, after installing one if there is none."""
    with sync_playwright() as playwright:
        sys.stdout.write(f"Browser for the tests: {find_browser(playwright)}\n")


if __name__ == "__main__":
    main()
