"""Pages of their own, without Gradio: they are there in an instant."""

from html import escape
from urllib.parse import parse_qs

from fastapi import Request

from app.errors import BodyTooLargeError
from app.ui import markup
from app.ui.assets import stamped
from app.ui.texts import Texts
from pipeline.notices import Value

NO_INDEX = '<meta name="robots" content="noindex, nofollow">'


def render_page(texts: Texts, title: str, body: str, head: str = "", kind: str = "") -> str:
    """Return a page.

    Args:
        texts: In the visitor's language.
        title: As HTML.
        body: What is in it, as HTML.
        head: What its head has besides, as HTML.
        kind: For its style.
    """
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{head}'
        f'<link rel="icon" type="image/svg+xml" href="{stamped("icon.svg")}">'
        f'<link rel="stylesheet" href="{stamped("share.css")}">'
        f'{_link_style(kind)}</head><body><header><a href="/">{markup.LOGO}{escape(texts("page.title"))}</a></header>'
        f"<main>{body}</main></body></html>"
    )


def render_notice(texts: Texts, key: str, head: str = "", **values: Value) -> str:
    """Return a page that says two sentences.

    Args:
        texts: In the visitor's language.
        key: Of the first sentence; the second has `.detail` after it.
        head: What its head has besides, as HTML.
        values: Of the second sentence.
    """
    title = escape(texts(key))
    body = f"<h1>{title}</h1><p>{escape(texts(f'{key}.detail', **values))}</p>{link_home(texts)}"
    return render_page(texts, title, body, NO_INDEX + head)


def link_home(texts: Texts, key: str = "share.make") -> str:
    """Return the button that leads to the page where videos are made; `key` is of what it says."""
    return f'<p><a class="button" href="/">{escape(texts(key))}</a></p>'


async def read_form(request: Request, limit_bytes: int) -> dict[str, str]:
    """Return the fields of a form that one of these pages has.

    Raises:
        BodyTooLargeError: It has more bytes than the page sends.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BodyTooLargeError(f"The form has more than {limit_bytes} bytes. Write less.")
    found = parse_qs(body.decode("ascii", "replace"), errors="replace")
    return {name: values[0] for name, values in found.items()}


def _link_style(kind: str) -> str:
    return f'<link rel="stylesheet" href="{stamped(f"{kind}.css")}">' if kind else ""
