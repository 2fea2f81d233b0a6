"""The form that reports a shared video. It needs no script."""

import math
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.attempts import Attempts
from app.clients import find_client
from app.errors import JobError, JobHiddenError, StorageError
from app.jobs import Jobs
from app.policy import FORM_HEADERS
from app.reports.book import MAX_CHARACTERS, REASONS, Reason
from app.ui import words
from app.ui.document import choose_visitors_texts
from app.ui.plain import NO_INDEX, read_form, render_notice, render_page
from app.ui.texts import Texts

_IN_A_ROW, _SECONDS_EACH = 5, 600.0
"""Who has the links of many videos must not be able to hide them all by a script."""
_MOST_BYTES = 12 * MAX_CHARACTERS + 2000
"""Of the form: each byte of a character, and there are up to four, is written as three."""
_HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store", **FORM_HEADERS}


def create_report_router(jobs: Jobs) -> APIRouter:
    """Return the routes of the form."""
    router = APIRouter(prefix="/v", include_in_schema=False)
    attempts = Attempts(in_a_row=_IN_A_ROW, seconds_each=_SECONDS_EACH)

    @router.head("/{job_id}/report")
    @router.get("/{job_id}/report")
    async def show(job_id: str, request: Request) -> Response:
        texts = choose_visitors_texts(request.scope)
        if "thanks" in request.query_params:
            return HTMLResponse(render_notice(texts, "report.thanks"), headers=_HEADERS)
        try:
            jobs.video_path(job_id)
        except JobError as error:
            return _answer_absent(texts, error)
        return _answer_form(texts, job_id)

    @router.post("/{job_id}/report")
    async def take(job_id: str, request: Request) -> Response:
        texts, client = choose_visitors_texts(request.scope), find_client(request.scope)
        form = await read_form(request, _MOST_BYTES)
        reason = next((one for one in REASONS if one == form.get("reason")), None)
        text = form.get("text", "").replace("\r\n", "\n").strip()
        if reason is None or len(text) > MAX_CHARACTERS:
            return _answer_form(texts, job_id, reason, text, is_wrong=True)
        if wait := attempts.find_wait(client):
            return _answer_limit(texts, wait)
        attempts.add(client)  # now: others that came with this one would be let through while it is written
        try:
            await jobs.report(job_id, reason, text)
        except JobError as error:
            return _answer_absent(texts, error)
        except (StorageError, OSError):
            attempts.give_back(client)
            return HTMLResponse(render_notice(texts, "report.failed"), 507, headers=_HEADERS)
        return RedirectResponse(f"/v/{job_id}/report?thanks", 303)

    return router


def _answer_absent(texts: Texts, error: JobError) -> Response:
    is_hidden = isinstance(error, JobHiddenError)
    page = render_notice(texts, "share.hidden" if is_hidden else "share.gone")
    return HTMLResponse(page, 451 if is_hidden else 404, headers=_HEADERS)


def _answer_limit(texts: Texts, wait_seconds: float) -> Response:
    page = render_notice(texts, "report.limited", time=words.remaining(texts, wait_seconds))
    return HTMLResponse(page, 429, headers={**_HEADERS, "Retry-After": str(math.ceil(wait_seconds))})


def _answer_form(
    texts: Texts, job_id: str, chosen: Reason | None = None, text: str = "", *, is_wrong: bool = False
) -> Response:
    wrong = escape(texts("report.wrong", characters=MAX_CHARACTERS))
    error = f'<p class="error" role="alert">{wrong}</p>' if is_wrong else ""
    choices = "".join(_render_choice(texts, reason, is_chosen=reason == chosen) for reason in REASONS)
    limit = escape(texts("report.limit", characters=MAX_CHARACTERS))
    title = escape(texts("report.title"))
    body = (
        f"<h1>{title}</h1><p>{escape(texts('report.lead'))}</p>{error}"
        f'<form method="post" action="/v/{escape(job_id)}/report"><fieldset>'
        f"<legend>{escape(texts('report.reason'))}</legend>{choices}</fieldset>"
        f'<label for="text">{escape(texts("report.text"))}</label>'
        f'<textarea id="text" name="text" rows="4" maxlength="{MAX_CHARACTERS}" aria-describedby="limit">\n'
        f'{escape(text)}</textarea><p id="limit">{limit}</p>'
        f'<button class="button">{escape(texts("report.send"))}</button>'
        f'<a href="/v/{escape(job_id)}">{escape(texts("report.back"))}</a></form>'
    )
    page = render_page(texts, title, body, NO_INDEX)
    return HTMLResponse(page, 400 if is_wrong else 200, headers=_HEADERS)


def _render_choice(texts: Texts, reason: Reason, *, is_chosen: bool) -> str:
    checked = " checked" if is_chosen else ""
    told = escape(texts(f"report.reason.{reason}"))
    return f'<label><input type="radio" name="reason" value="{reason}" required{checked}>{told}</label>'
