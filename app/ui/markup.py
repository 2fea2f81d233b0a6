"""Our own HTML: what is the same for everyone, and the small pieces that events fill in."""

from collections.abc import Iterable
from html import escape

from app.ui.texts import LANGUAGES, Texts

_LOGO = (
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


def header(texts: Texts, chip: str = "") -> str:
    """Return the line at the top: name, state of the machine, languages."""
    return (
        f'<a class="skip" href="#result-card">{escape(texts("page.skip"))}</a>'
        f'<header class="top"><a class="brand" href="./">{_LOGO}<span>{escape(texts("page.title"))}</span></a>'
        f'<span class="space"></span>{chip}{_languages(texts)}</header>'
    )


def chip(text: str, kind: str) -> str:
    """Return the small sign that tells the machine's state."""
    return f'<span class="chip" data-kind="{kind}">{escape(text)}</span>'


def _languages(texts: Texts) -> str:
    links = "".join(
        f'<a href="/?lang={other.language}" lang="{other.language}">{escape(other.name)}</a>'
        for other in LANGUAGES.values()
        if other is not texts
    )
    return f'<nav class="languages" aria-label="{escape(texts("page.language"))}">{links}</nav>'


def hero(texts: Texts) -> str:
    """Return the headline and the one line that a first visitor needs."""
    return f"<h1>{escape(texts('page.headline'))}</h1><p>{escape(texts('page.hint'))}</p>"


def heading(number: str, title: str, hint: str = "", wrong_kind: str = "") -> str:
    """Return the heading of a card.

    Args:
        number: Of the step.
        title: What it is about.
        hint: What helps at first.
        wrong_kind: What to say about a file of another kind.
    """
    quiet = f"<p>{escape(hint)}</p>" if hint else ""
    shown_number = f'<span class="number" aria-hidden="true">{number}</span>'
    opened = f'<div class="heading" data-wrong-kind="{escape(wrong_kind)}">'
    return f"{opened}{shown_number}<h2>{escape(title)}</h2>{quiet}</div>"


def note(sentences: Iterable[str], kind: str) -> str:
    """Return what was found, or what is wrong, beside its widget.

    Args:
        sentences: Each becomes a line.
        kind: `ok`, `warn`, `error` or `busy`; an error is read out at once.
    """
    role = ' role="alert"' if kind == "error" else ""
    return "".join(f'<p class="note" data-kind="{kind}"{role}>{escape(sentence)}</p>' for sentence in sentences)


def estimate(text: str) -> str:
    """Return the line above the buttons."""
    return f'<p class="estimate">{escape(text)}</p>'


def empty_tile(texts: Texts) -> str:
    """Return the frame's place while there is no photo."""
    return f'<div class="tile" data-state="empty">{_EMPTY_TILE}<p>{escape(texts("crop.heading"))}</p></div>'


def empty_stage(texts: Texts) -> str:
    """Return the video's place while there is none."""
    return stage("empty", texts("result.empty"), texts("result.empty.hint"))


def stage(state: str, title: str, hint: str) -> str:
    """Return the video's place, with a sketch of what will be there."""
    return (
        f'<div class="stage" data-state="{state}">{_EMPTY_STAGE}<p class="big">{escape(title)}</p>'
        f"<p>{escape(hint)}</p></div>"
    )


def quiet(text: str) -> str:
    """Return a sentence that explains."""
    return f'<p class="quiet">{escape(text)}</p>'


def idle_card(texts: Texts) -> str:
    """Return the status card before the first video."""
    return f'<div class="status" role="status" data-state="idle"><h2>{escape(texts("status.idle"))}</h2></div>'


def library(texts: Texts, cards: Iterable[str]) -> str:
    """Return the list of this device's videos."""
    items = "".join(f"<li>{card}</li>" for card in cards)
    body = f'<ul class="videos">{items}</ul>' if items else f'<p class="quiet">{escape(texts("library.empty"))}</p>'
    title = escape(texts("library.heading"))
    return f'<section aria-labelledby="library-title"><h2 id="library-title">{title}</h2>{body}</section>'


def footer(texts: Texts, kept_hours: float = 24) -> str:
    """Return the last line of the page."""
    hours = texts.count("time.hours_of_keeping", int(kept_hours) if kept_hours == 1 else 2, hours=kept_hours)
    privacy = texts("page.privacy", hours=hours)
    return f'<footer><p>{escape(privacy)}</p><a href="/docs">{escape(texts("page.api"))}</a></footer>'
