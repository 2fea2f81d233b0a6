"""The HTML around the page: its language, our own style sheet and script, and no one else's name in it."""

import json
import re
from functools import partial
from html import escape
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.held_answer import HeldAnswer
from app.policy import make_page_policy
from app.ui import markup
from app.ui.assets import OPENING_STYLE, stamped
from app.ui.texts import ENGLISH, LANGUAGES, Texts, choose_language

COOKIE = "video_lab_language"
_YEAR_SECONDS = 365 * 24 * 3600
_ANNOUNCER = '<div id="announcer" role="status"></div>'
"""Where the script tells screen readers what has changed: they hear only what changes in a place that was there."""

_FOREIGN_META = re.compile(r'<meta\s[^>]*?(?:property="og:|name="twitter:)[^>]*?/>\s*', re.DOTALL)


def page_path(texts: Texts) -> str:
    """Return the path at which the page is in that language."""
    return "/" if texts is ENGLISH else f"/{texts.language}/"


PAGES = {page_path(texts): texts for texts in LANGUAGES.values()}
"""The page's texts, by path."""


class DocumentMiddleware:
    """Finishes the HTML that Gradio sends for the page, and leads visitors to the page in their language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the page; hand all others on."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in PAGES:
            await self._app(scope, receive, send)
            return
        redirect = _find_redirect(scope)
        if redirect is not None:
            await redirect(scope, receive, send)
            return
        finish_answer = partial(_finish_answer, PAGES[scope["path"]])
        await self._app(_without_compression(scope), receive, HeldAnswer(send, finish_answer))


def _finish_answer(texts: Texts, headers: MutableHeaders, body: bytes) -> bytes:
    """Finish the answer if it is the page, and set the headers that depend on what is in it."""
    if not headers.get("content-type", "").startswith("text/html"):
        return body
    html = finish(body.decode(), texts)
    body = html.encode()
    headers["content-security-policy"] = make_page_policy(html)
    headers["content-length"] = str(len(body))
    headers["cache-control"] = "no-cache"
    headers["vary"] = "Accept-Language, Cookie"
    return body


def finish(html: str, texts: Texts) -> str:
    """Return Gradio's HTML with our language, description, style and script."""
    html = _FOREIGN_META.sub("", html)
    html = html.replace('lang="en"', f'lang="{texts.language}"', 1)
    # Gradio's own words follow the browser's language; they shall follow the page's.
    language = f'Object.defineProperty(navigator,"language",{{get:()=>"{texts.language}"}})'
    head = (
        f'<meta name="description" content="{texts("page.description")}">'
        f'<meta property="og:title" content="{texts("page.title")}">'
        f'<meta property="og:description" content="{texts("page.description")}">'
        f"<style>{OPENING_STYLE}</style>{_preload_fonts()}"
        f"<script>{language}</script>"
        f'<script type="application/json" id="words">{json.dumps(texts.gradios_words)}</script>'
        f'<script src="{stamped("page.js")}" defer></script>'
        f'<link rel="icon" type="image/svg+xml" href="{stamped("icon.svg")}">'
    )
    html = html.replace("<style>", head + "<style>", 1)
    return html.replace("<gradio-app", _opening(texts) + "<gradio-app", 1).replace("</body>", f"{_ANNOUNCER}</body>", 1)


def _preload_fonts() -> str:
    """Return what fetches the fonts at once; without it they are known only when Gradio has built the page."""
    fonts = ("IBMPlexSans-Bold", "IBMPlexSans-Regular")
    return "".join(
        f'<link rel="preload" href="static/fonts/IBMPlexSans/{font}.woff2" as="font" type="font/woff2" crossorigin>'
        for font in fonts
    )


def _opening(texts: Texts) -> str:
    """Return what stands on the page until Gradio has built all of it; the script then takes it away."""
    return (
        f'<div id="opening"><header>{markup.LOGO}<b>{escape(texts("page.title"))}</b></header>'
        f'<div class="hero">{markup.hero(texts)}</div>'
        f"<noscript><p>{escape(texts('page.no_script'))}</p></noscript>"
        '<div class="cards" aria-hidden="true"><i></i><i></i><i></i></div></div>'
    )


def choose_visitors_texts(scope: Scope) -> Texts:
    """Return the texts in the language that a visitor chose, or else that the browser asks for."""
    asked = HTTPConnection(scope)
    chosen = asked.cookies.get(COOKIE, "")
    return LANGUAGES[chosen if chosen in LANGUAGES else choose_language(asked.headers.get("accept-language", ""))]


def _find_redirect(scope: Scope) -> RedirectResponse | None:
    query = dict(parse_qsl(scope["query_string"].decode()))
    asked = query.pop("lang", None)
    if asked in LANGUAGES:
        response = RedirectResponse(_join(page_path(LANGUAGES[asked]), query), status_code=303)
        response.set_cookie(COOKIE, asked, max_age=_YEAR_SECONDS, samesite="lax", httponly=True)
        return response
    texts = choose_visitors_texts(scope)
    if scope["path"] == "/" and texts is not ENGLISH:
        return RedirectResponse(_join(page_path(texts), query), status_code=303)
    return None


def _join(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _without_compression(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    return {**scope, "headers": headers}
