"""The card that tells how far a video is."""

from datetime import UTC, datetime
from html import escape

from app.jobs import Job
from app.ui import markup, words
from app.ui.texts import Texts
from pipeline.engines import get_engine_spec


def render(job: Job, texts: Texts) -> str:
    """Return the card of a job."""
    match job.status:
        case "queued":
            return _card(job, texts, _queued_line(job, texts))
        case "running":
            return _card(job, texts, _stage(job, texts), _step(job, texts), _percent(job))
        case "done":
            return _done_card(job, texts)
        case "failed":
            error = texts.notice(job.error) if job.error else texts("status.internal")
            return plain_card("failed", texts("status.failed"), error)
        case "cancelled":
            return plain_card("cancelled", texts("status.cancelled"), texts("status.cancelled.detail"))


def plain_card(state: str, title: str, detail: str) -> str:
    """Return a card of two sentences."""
    announced = escape(f"{title}. {detail}")
    return (
        f'<div class="status" data-state="{state}" data-announce="{announced}"><h2>{escape(title)}</h2>'
        f"<p>{escape(detail)}</p></div>"
    )


def sending_card(texts: Texts) -> str:
    """Return the card between the press and the queue."""
    title = escape(texts("status.submitting"))
    return f'<div class="status" data-state="sending"><h2>{title}</h2>{_bar(texts, None)}</div>'


def _card(job: Job, texts: Texts, line: str, step: str = "", percent: float | None = None) -> str:
    title = texts(f"status.{job.status}")
    # The card changes every second; what is read out leaves the steps and the time out.
    return (
        f'<div class="status" data-state="{job.status}" data-job="{job.id}" '
        f'data-segments="{job.num_live_segments}" data-announce="{escape(title)}: {escape(line)}">'
        f'<div class="line"><h2>{escape(title)}</h2>{_percent_sign(texts, percent)}</div>{_bar(texts, percent)}'
        f'<div class="line"><p>{escape(line + step)}</p><p>{_time_line(job, texts)}</p></div>'
        f'<p class="lost">{escape(texts("status.lost"))}</p></div>'
    )


def _done_card(job: Job, texts: Texts) -> str:
    if job.is_expired or job.result is None:
        return plain_card("gone", texts("status.gone"), texts("status.gone.detail"))
    if job.is_hidden:
        return plain_card("gone", texts("share.hidden"), texts("share.hidden.detail"))
    done, detail = (
        texts("status.done"),
        texts("status.done.detail", time=words.duration(texts, job.result.compute_seconds)),
    )
    if get_engine_spec(job.model).draft:
        detail = f"{detail} {texts('status.done.preview')}"
    warnings = markup.note([texts.notice(notice) for notice in job.result.notices], "warn")
    return (
        f'<div class="status" data-state="done" data-job="{job.id}" data-announce="{escape(f"{done}. {detail}")}">'
        f"<h2>{escape(done)}</h2><p>{escape(detail)}</p>{warnings}</div>"
    )


def _queued_line(job: Job, texts: Texts) -> str:
    ahead = (job.position or 1) - 1
    return texts("status.position.next") if ahead == 0 else texts.count("status.position", ahead, ahead=ahead)


def _stage(job: Job, texts: Texts) -> str:
    return texts.stage(job.progress.stage) if job.progress else texts("stage.starting")


def _step(job: Job, texts: Texts) -> str:
    if job.progress is None or job.progress.step == 0:
        return ""
    return ", " + texts("status.step", step=job.progress.step, count=job.progress.num_steps)


def _time_line(job: Job, texts: Texts) -> str:
    began = job.started_at or job.created_at
    elapsed = max((datetime.now(UTC) - began).total_seconds(), 0)
    told = texts("status.eta", time=words.remaining(texts, job.eta_seconds)) if job.eta_seconds else ""
    clock = f'<time data-tick="{elapsed:.1f}">{words.clock(elapsed)}</time>'
    return f"{clock} · {escape(told)}" if told else clock


def _percent(job: Job) -> float:
    return job.progress.percent if job.progress else 0.0


def _percent_sign(texts: Texts, percent: float | None) -> str:
    return (
        "" if percent is None else f'<span class="percent">{texts("status.percent", percent=f"{percent:.0f}")}</span>'
    )


def _bar(texts: Texts, percent: float | None) -> str:
    label = escape(texts("status.progress"))
    if percent is None:
        return f'<div class="bar" role="progressbar" aria-label="{label}" data-open><i></i></div>'
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent:.0f}"><i style="width:{percent:.1f}%"></i></div>'
    )
