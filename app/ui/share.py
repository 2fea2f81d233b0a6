"""The page behind a shared link, which previews of links read as well; and the files it shows."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from app.errors import AppError, JobNotFoundError
from app.jobs import Job, Jobs
from app.policy import SHARE_HEADERS
from app.settings import Settings
from app.ui import markup
from app.ui.assets import stamped
from app.ui.document import choose_visitors_texts
from app.ui.texts import Texts
from pipeline.engines import get_engine_spec

_LOOK_SECONDS = 10
_HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "private, no-cache"}
_PAGE_HEADERS = {**_HEADERS, **SHARE_HEADERS}


def create_share_router(jobs: Jobs, settings: Settings) -> APIRouter:
    """Return the routes below `/v/`."""
    router = APIRouter(prefix="/v", include_in_schema=False)

    @router.head("/{job_id}")
    @router.get("/{job_id}")
    async def show(job_id: str, request: Request) -> Response:
        texts = choose_visitors_texts(request.scope)
        job = _find(jobs, job_id)
        if job is None:
            return HTMLResponse(_render_absent(texts, "share.gone"), status_code=404, headers=_PAGE_HEADERS)
        if job.result is None:
            page = _render_absent(texts, "share.gone") if job.has_ended else _render_pending(texts)
            return HTMLResponse(page, headers=_PAGE_HEADERS | {"Cache-Control": "no-store"})
        return HTMLResponse(_render(job, texts, find_base(request, settings)), headers=_PAGE_HEADERS)

    @router.head("/{job_id}/video.mp4")
    @router.get("/{job_id}/video.mp4")
    async def video(job_id: str, request: Request) -> Response:
        name = f"talking-{job_id[:6]}.mp4" if "download" in request.query_params else None
        return _answer_file(lambda: jobs.video_path(job_id), "video/mp4", name)

    @router.head("/{job_id}/poster.jpg")
    @router.get("/{job_id}/poster.jpg")
    async def poster(job_id: str) -> Response:
        return _answer_file(lambda: jobs.poster_path(job_id), "image/jpeg")

    @router.head("/{job_id}/live/{name}")
    @router.get("/{job_id}/live/{name}")
    async def segment(job_id: str, name: str) -> Response:
        return _answer_file(lambda: jobs.segment_path(job_id, name), "video/mp4")

    return router


def find_base(request: Request, settings: Settings) -> str:
    """Return the address at which people reach the app, with a slash at its end."""
    return f"{str(settings.public_url or request.base_url).rstrip('/')}/"


def _find(jobs: Jobs, job_id: str) -> Job | None:
    try:
        return jobs.get(job_id)
    except JobNotFoundError:
        return None


def _answer_file(find: Callable[[], Path], media_type: str, name: str | None = None) -> Response:
    try:
        path = find()
    except AppError:
        return Response(status_code=404, headers=_HEADERS)
    return FileResponse(path, media_type=media_type, filename=name, headers=_HEADERS)


def _render(job: Job, texts: Texts, base: str) -> str:
    assert job.result is not None
    address, title = f"{base}v/{job.id}", escape(texts("share.title"))
    description = escape(texts("share.description"))
    width, height = job.result.width, job.result.height
    meta = {
        "og:type": "video.other",
        "og:title": title,
        "og:description": description,
        "og:url": address,
        "og:image": f"{address}/poster.jpg",
        "og:image:type": "image/jpeg",
        "og:image:width": width,
        "og:image:height": height,
        "og:video": f"{address}/video.mp4",
        "og:video:type": "video/mp4",
        "og:video:width": width,
        "og:video:height": height,
    }
    head = "".join(f'<meta property="{name}" content="{value}">' for name, value in meta.items())
    head += '<meta name="twitter:card" content="summary_large_image">'
    remarks = [texts("result.mark")]
    if get_engine_spec(job.model).draft:
        remarks.append(texts("status.done.preview"))
    body = (
        f'<video controls playsinline preload="metadata" src="/v/{job.id}/video.mp4" poster="/v/{job.id}/poster.jpg" '
        f'width="{width}" height="{height}" aria-label="{escape(texts("result.label"))}"></video>'
        f'<h1>{title}</h1><p>{description}</p><p class="remarks">{escape(" ".join(remarks))}</p>'
    )
    return _page(texts, title, head, body)


def _render_pending(texts: Texts) -> str:
    return _render_absent(texts, "share.pending", head=f'<meta http-equiv="refresh" content="{_LOOK_SECONDS}">')


def _render_absent(texts: Texts, key: str, head: str = "") -> str:
    title = escape(texts(key))
    return _page(texts, title, head, f"<h1>{title}</h1><p>{escape(texts(f'{key}.detail'))}</p>")


def _page(texts: Texts, title: str, head: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex, nofollow">{head}'
        f'<link rel="icon" type="image/svg+xml" href="{stamped("icon.svg")}">'
        f'<link rel="stylesheet" href="{stamped("share.css")}"></head><body>'
        f'<header><a href="/">{markup.LOGO}{escape(texts("page.title"))}</a></header><main>{body}'
        f'<p><a class="button" href="/">{escape(texts("share.make"))}</a></p></main></body></html>'
    )
