"""The page behind a shared link, which previews of links read as well; and the files it shows."""

from collections.abc import Callable
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from app.callers import find_caller
from app.errors import AppError, JobNotFoundError
from app.jobs import Job, Jobs
from app.policy import SHARE_HEADERS
from app.settings import Settings
from app.ui.document import choose_visitors_texts
from app.ui.plain import NO_INDEX, link_home, render_notice, render_page
from app.ui.texts import Texts
from pipeline.engines import get_engine_spec

_LOOK_AGAIN = '<meta http-equiv="refresh" content="10">'
_SIGN = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3l1.9 5.1L19 10l-5.1 1.9L12 17l-1.9-5.1L5 10l5.1-1.9z"/>'
    '<path d="M18 15l.9 2.1L21 18l-2.1.9L18 21l-.9-2.1L15 18l2.1-.9z"/></svg>'
)
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
            return HTMLResponse(render_notice(texts, "share.gone"), status_code=404, headers=_PAGE_HEADERS)
        if job.is_hidden:
            return HTMLResponse(render_notice(texts, "share.hidden"), status_code=451, headers=_PAGE_HEADERS)
        if job.result is None or job.is_expired:
            told = ("share.gone", "") if job.has_ended else ("share.pending", _LOOK_AGAIN)
            page = render_notice(texts, *told)
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
    async def segment(job_id: str, name: str, request: Request) -> Response:
        # The page shows these while the video is made; a link is shared when it is done.
        seen = jobs.seen_by(lambda: find_caller(request.scope).key_id)
        return _answer_file(lambda: seen.segment_path(job_id, name), "video/mp4")

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
    description = escape(f"{texts('share.description')} {texts('share.synthetic')}")
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
    remarks = [texts(f"share.marks.{_name_marks(job)}")]
    if get_engine_spec(job.model).draft:
        remarks.append(texts("status.done.preview"))
    body = (
        f'<video controls playsinline preload="metadata" src="/v/{job.id}/video.mp4" poster="/v/{job.id}/poster.jpg" '
        f'width="{width}" height="{height}" aria-label="{escape(texts("result.label"))}"></video>'
        f'<h1>{title}</h1><p class="synthetic">{_SIGN}{escape(texts("share.synthetic"))}</p>'
        f'<p class="remarks">{escape(" ".join(remarks))}</p>'
    )
    # On top of a page that embeds this one: the form is shown in no other page.
    links = (
        f'<a href="/verify?job={job.id}" target="_top">{escape(texts("share.check"))}</a>'
        f'<a href="/v/{job.id}/report" target="_top">{escape(texts("share.report"))}</a>'
    )
    body += f'{link_home(texts)}<nav class="links">{links}</nav>'
    return render_page(texts, title, body, NO_INDEX + head)


def _name_marks(job: Job) -> str:
    assert job.result is not None
    marks = {"credentials": job.result.content_credentials, "watermark": job.result.watermark}
    return "_".join(name for name, is_there in marks.items() if is_there) or "none"
