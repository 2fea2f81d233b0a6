"""Puts the page and what belongs to it on the app."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import gradio as gr
from fastapi import APIRouter, FastAPI
from gradio.routes import App

from app.access import Door
from app.jobs import Jobs
from app.settings import Settings
from app.ui.assets import STYLE
from app.ui.caller import find_owner
from app.ui.delivery import DeliveryMiddleware
from app.ui.document import DocumentMiddleware, page_path
from app.ui.endpoints import add_endpoints
from app.ui.events import bind_events
from app.ui.files import create_files_router
from app.ui.gate import Gate, GateMiddleware, UploadLimits, Uploads
from app.ui.gate.sessions import bound_sessions, forget_leftovers
from app.ui.layout import build_page
from app.ui.report import create_report_router
from app.ui.sent import Sent
from app.ui.share import create_share_router
from app.ui.sign_in import create_sign_in_router
from app.ui.texts import ENGLISH, LANGUAGES, Texts
from app.ui.theme import create_theme
from app.ui.verify import create_verify_router

_QUEUE = 64
_QUEUE_LOOK_SECONDS = 0.02
_EVENTS_AT_ONCE = 2000
"""Whoever watches a job has an event that lasts as long as the job."""
_SWEEP_SECONDS = 60


def create_routers(jobs: Jobs, settings: Settings, door: Door) -> tuple[APIRouter, ...]:
    """Return the routes of the page's own files, and of the pages besides it."""
    of_videos = create_share_router(jobs, settings), create_report_router(jobs), create_verify_router(settings)
    return create_files_router(), *of_videos, create_sign_in_router(door)


def mount_page(app: FastAPI, jobs: Jobs, settings: Settings) -> FastAPI:
    """Put the page on the app, at `/` and once more for each other language; mount it after all routes.

    Args:
        app: Has the REST routes already.
        jobs: Makes the videos.
        settings: Of the app.
    """
    largest = max(settings.max_photo_bytes, settings.max_voice_bytes)
    uploads = Uploads(settings.data_dir / "uploads", UploadLimits(largest), jobs.quota)
    # Gradio has no other setting for where it puts files, and takes no others from its clients.
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    gate = Gate(uploads, jobs, app.state.metrics)
    gate.metrics.watch_uploads(lambda: (len(uploads), uploads.num_bytes))
    others = [texts for texts in LANGUAGES.values() if texts is not ENGLISH]
    sent = Sent()
    for texts in [*others, ENGLISH]:  # the page at / would take the others' addresses
        blocks = _create_blocks(texts, gate, sent, settings)
        _mount(app, blocks, texts, largest)
        _guard(app, blocks, gate)
    _sweep_while_running(app, uploads)
    app.add_middleware(DocumentMiddleware)
    app.add_middleware(DeliveryMiddleware)
    return app


def _create_blocks(texts: Texts, gate: Gate, sent: Sent, settings: Settings) -> gr.Blocks:
    blocks: gr.Blocks
    seen = gate.jobs.seen_by(find_owner)
    with gr.Blocks(title=texts("page.title"), analytics_enabled=False, fill_width=True) as blocks:
        page = build_page(texts, settings.result_hours, asks_consent=settings.consent != "off")
        bind_events(blocks, page, jobs=seen, sent=sent, settings=settings, texts=texts, uploads=gate.uploads)
        if texts is ENGLISH:
            add_endpoints(seen, gate.uploads)
    blocks.queue(max_size=_QUEUE, default_concurrency_limit=8, api_open=False)
    # By itself, each queue looks for work a thousand times a second, which takes a tenth of a core when there is none.
    blocks._queue.sleep_when_free = _QUEUE_LOOK_SECONDS  # noqa: SLF001 - Gradio has no setting for it
    blocks._queue.max_thread_count = _EVENTS_AT_ONCE  # noqa: SLF001 - else 40, and no setting but that of threads
    # Only then Gradio checks which files it is asked for; otherwise it would be set by `launch`.
    blocks.has_launched = True
    return blocks


def _guard(app: FastAPI, blocks: gr.Blocks, gate: Gate) -> None:
    """Put the gate before the app of Gradio's that was mounted last."""
    mounted: Any = app.routes[-1]
    mounted.app.add_middleware(GateMiddleware, blocks=blocks, gate=gate)
    bound_sessions(mounted.app, blocks)


def _sweep_while_running(app: FastAPI, uploads: Uploads) -> None:
    inner = app.router.lifespan_context
    mounted = (getattr(route, "app", None) for route in app.routes)
    pages = [gradios.get_blocks() for gradios in mounted if isinstance(gradios, App)]

    async def sweep_forever() -> None:
        while True:
            await asyncio.to_thread(uploads.sweep)
            for blocks in pages:
                forget_leftovers(blocks)
            await asyncio.sleep(_SWEEP_SECONDS)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            sweeper = asyncio.create_task(sweep_forever())
            yield state
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
        uploads.delete_all()

    app.router.lifespan_context = lifespan


def _find_gradios_words(texts: Texts) -> dict[str, str]:
    """Return what to say in place of Gradio's own words: its sound input has no setting for them."""
    return {
        "upload_text.drop_audio": texts("voice.placeholder"),
        "upload_text.click_to_upload": "\u200b",
        "common.complete": "\u200b",
        "audio.drop_to_upload": texts("voice.placeholder"),
        "image.drop_to_upload": texts("photo.placeholder"),
    }


def _mount(app: FastAPI, blocks: gr.Blocks, texts: Texts, largest_bytes: int) -> None:
    gr.mount_gradio_app(
        app,
        blocks,
        path=page_path(texts).rstrip("/") or "/",
        theme=create_theme(),
        css_paths=[STYLE],
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        max_file_size=largest_bytes,
        i18n=gr.I18n(**{texts.language: _find_gradios_words(texts)}),
        show_error=False,
    )
