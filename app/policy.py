"""What browsers may do with our answers: which scripts run, who may embed them, and which devices they may use."""

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.held_answer import HeldAnswer

_DOCS_PATH = "/docs"
_INLINE = re.compile(r"<script(?P<about>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
_HEADER = "Content-Security-Policy"

PLAIN_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""For answers that are not pages. A picture or a video that is opened by itself is shown."""

FILE_POLICY = f"{PLAIN_POLICY}; sandbox"
"""For files that visitors upload."""

SHARE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors *"
)
"""For the page behind a shared link, which others may embed."""

FORM_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""For pages with a form: a page that embeds one could have visitors press its button unknowingly."""

VERIFY_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; font-src 'self'; "
    "img-src 'self' blob:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
"""For the page that checks files. It shows the one that was chosen, and writes what is in it as text only."""

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""For the page. Gradio evaluates its events' scripts, and sets inline styles."""

_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""For the API's page."""

_DEVICES = {
    "camera": "(self)",
    "microphone": "(self)",
    "autoplay": "(self)",
    "clipboard-write": "(self)",
    "fullscreen": "(self)",
    "picture-in-picture": "(self)",
    **dict.fromkeys(("display-capture", "geolocation", "gyroscope", "accelerometer", "magnetometer", "midi"), "()"),
    **dict.fromkeys(("payment", "publickey-credentials-get", "serial", "usb", "hid", "xr-spatial-tracking"), "()"),
}
_PERMISSIONS = ", ".join(f"{name}={allowed}" for name, allowed in _DEVICES.items())
_SHARE_PERMISSIONS = ", ".join(
    f"{name}={'*' if name in {'autoplay', 'fullscreen', 'picture-in-picture'} else '()'}" for name in _DEVICES
)

SHARE_HEADERS: Mapping[str, str] = {_HEADER: SHARE_POLICY, "Permissions-Policy": _SHARE_PERMISSIONS}
"""For the page behind a shared link."""

FORM_HEADERS: Mapping[str, str] = {_HEADER: FORM_POLICY}
"""For pages with a form."""

VERIFY_HEADERS: Mapping[str, str] = {_HEADER: VERIFY_POLICY}
"""For the page that checks files."""


def make_page_policy(html: str) -> str:
    """Return the policy of the page: no inline scripts run but those that are in it now."""
    return _PAGE_POLICY.format(scripts=_hash_scripts(html))


class PolicyMiddleware:
    """Gives each answer a policy, unless it has one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and give its answer the policy."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == _DOCS_PATH:
            await self._app(scope, receive, HeldAnswer(send, _finish_docs))
        else:
            await self._app(scope, receive, _plain(send))


def _plain(send: Send) -> Send:
    async def send_with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            _set_headers(MutableHeaders(scope=message), PLAIN_POLICY)
        await send(message)

    return send_with_policy


def _finish_docs(headers: MutableHeaders, body: bytes) -> bytes:
    """Set the policy of the API's page, which names the scripts in it."""
    _set_headers(headers, _DOCS_POLICY.format(scripts=_hash_scripts(body.decode())))
    return body


def _set_headers(headers: MutableHeaders, policy: str) -> None:
    policy = headers.setdefault(_HEADER, policy)
    headers.setdefault("Permissions-Policy", _PERMISSIONS)
    if "frame-ancestors *" not in policy:  # for browsers that do not know this directive
        headers["X-Frame-Options"] = "SAMEORIGIN" if "frame-ancestors 'self'" in policy else "DENY"


def _hash_scripts(html: str) -> str:
    """Return the sources that allow a page's inline scripts, and no others."""
    codes = [found["code"] for found in _INLINE.finditer(html) if "src=" not in found["about"] and found["code"]]
    digests = (base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
