"""Our own HTML: what is the same for everyone, and the small pieces that events fill in."""

import re
from collections.abc import Iterable
from html import escape
from typing import Literal

from app.ui import words
from app.ui.texts import LANGUAGES, Texts

Plan = Literal["preview", "video"]
_CODE = re.compile(r"`([^`]+)`")

LOGO = (
    '<svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/>'
    '<circle cx="13" cy="13" r="5"/><path d="M5 26c1-5 4-7 8-7s7 2 8 7"/>'
    '<path class="wave" d="M22 9v6M26 6v12"/></svg>'
)
_EMPTY_STAGE = (
    '<svg class="sketch" viewBox="0 0 240 150" aria-hidden="true">'
    '<rect class="frame" x="62" y="9" width="116" height="132" rx="18"/>'
    '<circle class="skin" cx="120" cy="64" r="26"/><path class="skin" d="M76 141c4-29 21-40 44-40s40 11 44 40z"/>'
    '<path class="mouth" d="M111 74q9 8 18 0z"/>'
    '<g class="wave"><path d="M12 66v18"/><path d="M24 56v38"/><path d="M36 68v14"/><path d="M48 60v30"/>'
    '<path d="M192 60v30"/><path d="M204 68v14"/><path d="M216 56v38"/><path d="M228 66v18"/></g></svg>'
)
_EMPTY_TILE = (
    '<svg class="sketch" viewBox="0 0 120 120" aria-hidden="true"><path class="corner" d="M30 14H20a8 8 0 0 0-8 8v10'
    'M90 14h10a8 8 0 0 1 8 8v10M30 106H20a8 8 0 0 1-8-8V88M90 106h10a8 8 0 0 0 8-8V88"/>'
    '<circle class="skin" cx="60" cy="50" r="18"/><path class="skin" d="M30 98c3-20 14-27 30-27s27 7 30 27z"/></svg>'
)


def header(texts: Texts, chip: str = "", *, is_signed_in: bool = False) -> str:
    """Return the line at the top: name, state of the machine, languages, and where to sign out."""
    account = f'<a href="/sign-in">{escape(texts("page.account"))}</a>' if is_signed_in else ""
    return (
        f'<a class="skip" href="#result-card">{escape(texts("page.skip"))}</a>'
        f'<header class="top"><a class="brand" href="./">{LOGO}<span>{escape(texts("page.title"))}</span></a>'
        f'<span class="space"></span>{chip}{_languages(texts, account)}</header>'
    )


def chip(text: str, kind: str) -> str:
    """Return the small sign that tells the machine's state."""
    return f'<span class="chip" data-kind="{kind}">{escape(text)}</span>'


def _languages(texts: Texts, account: str) -> str:
    links = "".join(
        f'<a href="/?lang={other.language}" lang="{other.language}">{escape(other.name)}</a>'
        for other in LANGUAGES.values()
        if other is not texts
    )
    return f'<nav class="languages" aria-label="{escape(texts("page.language"))}">{account}{links}</nav>'


def hero(texts: Texts) -> str:
    """Return the headline and the one line that a first visitor needs."""
    return f"<h1>{escape(texts('page.headline'))}</h1><p>{escape(texts('page.hint'))}</p>"


def heading(number: str, title: str) -> str:
    """Return the heading of a card, with the number of the step."""
    return f'<div class="heading">{_numbered(number, title)}</div>'


def input_heading(number: str, key: str, texts: Texts) -> str:
    """Return the heading of a card with an input; the script finds in it what Gradio cannot be told.

    Args:
        number: Of the step.
        key: Of its texts.
        texts: In the page's language.
    """
    hint = f"<p>{escape(texts(f'{key}.help'))}</p>"
    # The script presses these when a file is chosen, and when it is of the wrong kind.
    presses = '<i data-action="replace" hidden></i><i data-action="complain" hidden></i>'
    opened = f'<div class="heading" data-sources="{escape(texts(f"{key}.sources"))}">'
    return f"{opened}{_numbered(number, texts(f'{key}.heading'))}{hint}{presses}</div>"


def _numbered(number: str, title: str) -> str:
    return f'<span class="number" aria-hidden="true">{number}</span><h2>{escape(title)}</h2>'


def note(sentences: Iterable[str], kind: str) -> str:
    """Return what was found, or what is wrong, beside its widget.

    Args:
        sentences: Each becomes a line.
        kind: `ok`, `info`, `warn` or `error`.
    """
    lines = (_CODE.sub(r"<code>\1</code>", escape(sentence)) for sentence in sentences)
    return "".join(f'<p class="note" data-kind="{kind}">{line}</p>' for line in lines)


def estimate(text: str, plan: Plan) -> str:
    """Return the line above the buttons; the plan decides which of the buttons stands out."""
    return f'<p class="estimate" data-plan="{plan}">{escape(text)}</p>'


def lost(texts: Texts) -> str:
    """Return what is shown above the buttons, instead of Gradio's English, while there is no connection."""
    return f'<p class="offline estimate" role="alert">{escape(texts("page.lost"))}</p>'


def empty_tile(texts: Texts) -> str:
    """Return the frame's place while there is no photo."""
    return f'<div class="tile" data-state="empty">{_EMPTY_TILE}<p>{escape(texts("crop.heading"))}</p></div>'


def empty_stage(texts: Texts) -> str:
    """Return the video's place while there is none."""
    return stage("empty", texts("result.empty"), texts("result.empty.hint"), texts)


def stage(state: str, title: str, hint: str, texts: Texts) -> str:
    """Return the video's place, with a sketch of what will be there."""
    return (
        f'<div class="stage" data-state="{state}">{_EMPTY_STAGE}<p class="big">{escape(title)}</p>'
        f"<p>{escape(hint)}</p></div>{ghost(texts)}"
    )


def live_player(texts: Texts) -> str:
    """Return the player of what is made already; the script fills and shows it."""
    return f'<video controls autoplay playsinline aria-label="{escape(texts("result.live"))}"></video>'


def ghost(texts: Texts) -> str:
    """Return the room for what will be below the video, so that nothing moves when it comes."""
    buttons = "".join(f'<i class="button {kind}"></i>' for kind in ("share", "", "", "wide"))
    facts = f'<p class="facts">&nbsp;</p><p class="facts">{escape(texts("result.mark"))}</p>'
    return f'<div class="ghost" aria-hidden="true"><div class="buttons">{buttons}</div>{facts}</div>'


def quiet(text: str) -> str:
    """Return a sentence that explains."""
    return f'<p class="quiet">{escape(text)}</p>'


def idle_card(texts: Texts) -> str:
    """Return the status card before the first video."""
    return f'<div class="status" data-state="idle" data-announce=""><h2>{escape(texts("status.idle"))}</h2></div>'


def library(texts: Texts, cards: Iterable[str]) -> str:
    """Return the list of this device's videos."""
    items = "".join(f"<li>{card}</li>" for card in cards)
    body = f'<ul class="videos">{items}</ul>' if items else f'<p class="quiet">{escape(texts("library.empty"))}</p>'
    title = escape(texts("library.heading"))
    return f'<section aria-labelledby="library-title"><h2 id="library-title">{title}</h2>{body}</section>'


def footer(texts: Texts, kept_hours: float) -> str:
    """Return the last line of the page."""
    hours = words.hours(texts, kept_hours)
    privacy = texts("page.privacy", hours=hours)
    verify = escape(texts("page.verify")).replace(" ", "&nbsp;")
    links = f'<a href="/verify">{verify}</a><a href="/docs">{escape(texts("page.api"))}</a>'
    return f"<footer><p>{escape(privacy)}</p><span>{links}</span></footer>"
