"""What browsers may do with our answers: which scripts run, who may embed them, which devices they may use."""

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_DOCS_PATH = "/docs"
_INLINE = re.compile(r"<script(?P<about>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
_HEADER = "Content-Security-Policy"

PLAIN_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of answers that are no page. A picture or a video that is opened by itself is shown."""

FILE_POLICY = f"{PLAIN_POLICY}; sandbox"
"""Of what visitors upload."""

SHARE_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; font-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors *"
)
"""Of the page behind a shared link, which others may embed."""

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""Of the page. Gradio makes functions of the events' scripts, and puts styles on what it draws."""

_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
"""Of the API's page."""

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
"""Of the page behind a shared link."""


def make_page_policy(html: str) -> str:
    """Return the policy of the page: of scripts that stand in it, only these run."""
    return _PAGE_POLICY.format(scripts=_hash_scripts(html))


class PolicyMiddleware:
    """Gives each answer its policy; what has one keeps it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and give its answer the policy."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == _DOCS_PATH:
            await self._app(scope, receive, _DocsFinisher(send))
        else:
            await self._app(scope, receive, _plain(send))


def _plain(send: Send) -> Send:
    async def send_with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            _set_headers(MutableHeaders(scope=message), PLAIN_POLICY)
        await send(message)

    return send_with_policy


class _DocsFinisher:
    """Holds the answer's head back until the scripts in its body are known."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message = {}
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        policy = _DOCS_POLICY.format(scripts=_hash_scripts(self._body.decode()))
        _set_headers(MutableHeaders(scope=self._start), policy)
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": self._body})


def _set_headers(headers: MutableHeaders, policy: str) -> None:
    policy = headers.setdefault(_HEADER, policy)
    headers.setdefault("Permissions-Policy", _PERMISSIONS)
    if "frame-ancestors *" not in policy:  # for browsers that do not know the policy
        headers["X-Frame-Options"] = "SAMEORIGIN" if "frame-ancestors 'self'" in policy else "DENY"


def _hash_scripts(html: str) -> str:
    """Return what lets the scripts run that stand in a page, and no others."""
    codes = [found["code"] for found in _INLINE.finditer(html) if "src=" not in found["about"] and found["code"]]
    digests = (base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in codes)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
