"""My videos on this device: the browser keeps their ids, the server shows what is left of them."""

from html import escape
from typing import TypedDict

from app.errors import JobNotFoundError
from app.jobs import Job, Jobs
from app.ui import markup, words
from app.ui.texts import Texts

_MOST = 24


class Entry(TypedDict):
    """What the browser keeps of a video."""

    id: str


def remember(history: list[Entry], job_id: str) -> list[Entry]:
    """Put a video in front of the others; the oldest ones are let go."""
    return [Entry(id=job_id), *forget(history, job_id)][:_MOST]


def forget(history: list[Entry], job_id: str) -> list[Entry]:
    """Leave a video out."""
    return [entry for entry in history if entry["id"] != job_id]


def render(history: list[Entry], jobs: Jobs, texts: Texts) -> str:
    """Return the list of the videos that are still there."""
    found = (_find(entry, jobs) for entry in history)
    return markup.library(texts, [_card(job, texts) for job in found if job is not None])


def _find(entry: Entry, jobs: Jobs) -> Job | None:
    try:
        job = jobs.get(entry["id"])
    except JobNotFoundError:
        return None
    is_shown = job.status in {"queued", "running", "done"} and not job.is_expired
    return job if is_shown else None


def _card(job: Job, texts: Texts) -> str:
    length = words.duration(texts, job.speech_seconds)
    title = texts("library.item", profile=texts(f"profile.name.{job.profile}"), duration=length)
    if job.status == "done":
        picture = f'<img src="/v/{job.id}/poster.jpg" alt="" loading="lazy">'
    else:
        picture = f"<span>{escape(texts(f'status.{job.status}'))}</span>"
    # Its own text comes first in its name: a press makes a question of it.
    delete = f'id="delete-{job.id}" aria-labelledby="delete-{job.id} title-{job.id}"'
    open_label = escape(f"{texts('action.open')}: {title}")
    return (
        f'<button type="button" class="open" data-action="open" data-job="{job.id}" aria-label="{open_label}">{picture}'
        f'</button><div class="line"><p id="title-{job.id}">{escape(title)}</p>'
        f'<button type="button" class="delete" data-action="delete" data-job="{job.id}" {delete} '
        f'data-confirm="{escape(texts("action.delete.sure"))}">{escape(texts("action.delete"))}</button></div>'
    )
