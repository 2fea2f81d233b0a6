"""The page on which people see how a picture or a video was made, theirs or others'."""

import json
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from app.policy import VERIFY_HEADERS
from app.settings import MEGABYTE, Settings
from app.ui import words
from app.ui.assets import stamped
from app.ui.document import choose_visitors_texts
from app.ui.plain import render_page
from app.ui.texts import Texts

_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Language, Cookie", **VERIFY_HEADERS}
_OF_SCRIPT = "verify.script."
_PICTURE = (
    '<svg viewBox="0 0 48 48" aria-hidden="true"><rect x="5" y="9" width="30" height="30" rx="6"/>'
    '<path d="M17 18v12l10-6z"/><path d="M35 20l8-5v18l-8-5"/></svg>'
)


def create_verify_router(settings: Settings) -> APIRouter:
    """Return the route of the page; `POST` to the same path checks a file."""
    router = APIRouter(include_in_schema=False)

    @router.head("/verify")
    @router.get("/verify")
    async def show(request: Request) -> Response:
        return HTMLResponse(_render(choose_visitors_texts(request.scope), settings), headers=_HEADERS)

    return router


def _render(texts: Texts, settings: Settings) -> str:
    title = escape(texts("verify.title"))
    head = (
        f'<meta name="description" content="{escape(texts("verify.lead"))}">'
        f'<script type="module" src="{stamped("verify.js")}"></script>'
    )
    body = (
        f'<h1>{title}</h1><p class="lead">{escape(texts("verify.lead"))}</p>'
        f'<div id="check" {_describe(texts, settings)}>{_chooser(texts, settings)}{_answer(texts)}</div>'
        f'<p id="heard" role="status"></p><noscript><p>{escape(texts("page.no_script"))}</p></noscript>'
    )
    return render_page(texts, title, body, head, kind="verify")


def _describe(texts: Texts, settings: Settings) -> str:
    """Return what the script has to know."""
    said = {key.removeprefix(_OF_SCRIPT): text for key, text in texts.table.items() if key.startswith(_OF_SCRIPT)}
    most = {"image": settings.max_photo_bytes, "video": settings.max_voice_bytes}
    return f'data-words="{escape(json.dumps(said))}" data-most="{escape(json.dumps(most))}"'


def _chooser(texts: Texts, settings: Settings) -> str:
    limits = texts(
        "verify.limits",
        video=_tell_megabytes(texts, settings.max_voice_bytes),
        image=_tell_megabytes(texts, settings.max_photo_bytes),
    )
    return (
        f'<div class="choose"><label class="drop"><input id="file" type="file" accept="image/*,video/*" '
        f'aria-describedby="limits"><span class="shown">{_PICTURE}</span><b>{escape(texts("verify.choose"))}</b>'
        f'<span class="or">{escape(texts("verify.drop"))}</span></label>'
        f'<p id="limits">{escape(limits)}</p></div>'
    )


def _answer(texts: Texts) -> str:
    sought = "".join(
        f"<h3>{escape(texts(f'verify.empty.{name}'))}</h3><p>{escape(texts(f'verify.empty.{name}.detail'))}</p>"
        for name in ("credentials", "mark", "nothing")
    )
    return (
        f'<section id="answer" data-state="empty" aria-label="{escape(texts("verify.answer"))}">'
        f"<h2>{escape(texts('verify.empty'))}</h2>{sought}</section>"
    )


def _tell_megabytes(texts: Texts, num_bytes: int) -> str:
    megabytes = num_bytes / MEGABYTE
    return words.number(texts, megabytes, 0 if megabytes.is_integer() else 1)
