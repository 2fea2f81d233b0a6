"""Who owns which uploads: each browser gets a random cookie, which says nothing about anyone."""

import hashlib
import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import Scope

COOKIE = "video_lab_visitor"
ANYONE = "anyone"
"""A visitor without a cookie, such as a program. Its uploads are open to whoever knows their unguessable names."""

_COOKIE_SECONDS = 24 * 3600
_VALUE = re.compile(r"[A-Za-z0-9_-]{22}")


def find_visitor(cookies: Mapping[str, str]) -> str:
    """Return a name for the browser, from which the cookie cannot be derived."""
    value = cookies.get(COOKIE, "")
    return hashlib.sha256(value.encode()).hexdigest()[:32] if _VALUE.fullmatch(value) else ANYONE


def find_visitor_of(scope: Scope) -> str:
    """Return the name of the browser that sent a request."""
    return find_visitor(HTTPConnection(scope).cookies)


def keep_cookie(scope: Scope, headers: MutableHeaders) -> None:
    """Give the browser a cookie, or renew the one that it has for another day."""
    known = HTTPConnection(scope).cookies.get(COOKIE, "")
    value = known if _VALUE.fullmatch(known) else secrets.token_urlsafe(16)
    about = f"Path=/; Max-Age={_COOKIE_SECONDS}; HttpOnly; SameSite=Lax"
    headers.append("set-cookie", f"{COOKIE}={value}; {about}{'; Secure' if scope.get('scheme') == 'https' else ''}")
