"""My videos on this device: the browser keeps their ids, and the server shows those that still exist."""

from html import escape
from typing import Any, TypedDict

from app.errors import JobNotFoundError
from app.jobs import Job, Jobs
from app.ui import markup, words
from app.ui.texts import Texts

_MOST = 24


class HistoryItem(TypedDict):
    """What the browser keeps about a video."""

    id: str


def read_history(kept: Any) -> list[HistoryItem]:  # noqa: ANN401 - whatever a browser, or anybody, sends
    """Return the videos that are named, each once: no more than a browser keeps, however many there are."""
    ids = (item.get("id") for item in kept[:_MOST] if isinstance(item, dict)) if isinstance(kept, list) else ()
    return [HistoryItem(id=job_id) for job_id in dict.fromkeys(one for one in ids if isinstance(one, str))]


def remember(history: list[HistoryItem], job_id: str) -> list[HistoryItem]:
    """Put a video first; the oldest ones are dropped."""
    return [HistoryItem(id=job_id), *forget(history, job_id)][:_MOST]


def forget(history: list[HistoryItem], job_id: str) -> list[HistoryItem]:
    """Remove a video."""
    return [item for item in read_history(history) if item["id"] != job_id]


def render(history: list[HistoryItem], jobs: Jobs, texts: Texts) -> str:
    """Return the list of the videos that still exist, as HTML."""
    found = (_find(item, jobs) for item in read_history(history))
    return markup.library(texts, [_card(job, texts) for job in found if job is not None])


def _find(item: HistoryItem, jobs: Jobs) -> Job | None:
    try:
        job = jobs.get(item["id"])
    except JobNotFoundError:
        return None
    is_shown = job.status in {"queued", "running", "done"} and not job.is_expired
    return job if is_shown else None


def _card(job: Job, texts: Texts) -> str:
    length = words.duration(texts, job.speech_seconds)
    title = texts("library.item", profile=texts.profile_name(job.profile), duration=length)
    if job.is_hidden:
        picture = f"<span>{escape(texts('share.hidden'))}</span>"
    elif job.status == "done":
        picture = f'<img src="/v/{job.id}/poster.jpg" alt="" loading="lazy">'
    else:
        picture = f"<span>{escape(texts(f'status.{job.status}'))}</span>"
    # Its own text comes first in its accessible name: pressing it turns the text into a question.
    delete = f'id="delete-{job.id}" aria-labelledby="delete-{job.id} title-{job.id}"'
    open_label = escape(f"{texts('action.open')}: {title}")
    return (
        f'<button type="button" class="open" data-action="open" data-job="{job.id}" aria-label="{open_label}">{picture}'
        f'</button><div class="line"><p id="title-{job.id}">{escape(title)}</p>'
        f'<button type="button" class="delete" data-action="delete" data-job="{job.id}" {delete} '
        f'data-confirm="{escape(texts("action.delete.sure"))}">{escape(texts("action.delete"))}</button></div>'
    )
