"""Puts the page and what belongs to it on the app."""

import os
import shutil
import time
from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from app.jobs import Jobs
from app.settings import Settings
from app.ui.assets import STYLE
from app.ui.delivery import DeliveryMiddleware
from app.ui.document import DocumentMiddleware, page_path
from app.ui.endpoints import add_endpoints
from app.ui.events import bind_events
from app.ui.files import create_files_router
from app.ui.layout import build_page
from app.ui.share import create_share_router
from app.ui.texts import ENGLISH, LANGUAGES, Texts
from app.ui.theme import create_theme

_QUEUE = 64
_QUEUE_LOOK_SECONDS = 0.02
_UPLOADS_KEPT_SECONDS = 3600
_SWEEP_SECONDS = 600


def mount_page(app: FastAPI, jobs: Jobs, settings: Settings) -> FastAPI:
    """Put the page on the app, at `/` and once more for each other language; mount it after all routes.

    Args:
        app: Has the REST routes already.
        jobs: Makes the videos.
        settings: Of the app.
    """
    # Gradio has no other setting for where it puts uploads.
    os.environ["GRADIO_TEMP_DIR"] = str(_prepare_uploads(settings.data_dir / "uploads"))
    app.include_router(create_files_router())
    app.include_router(create_share_router(jobs, settings))
    others = [texts for texts in LANGUAGES.values() if texts is not ENGLISH]
    for texts in [*others, ENGLISH]:  # the page at / would take the others' addresses
        _mount(app, _create_blocks(texts, jobs, settings), texts)
    app.add_middleware(DocumentMiddleware)
    app.add_middleware(DeliveryMiddleware)
    return app


def _prepare_uploads(folder: Path) -> Path:
    """Delete what an earlier server left: Gradio forgets the files of servers that crashed."""
    folder.mkdir(parents=True, exist_ok=True)
    oldest = time.time() - _UPLOADS_KEPT_SECONDS
    for path in folder.iterdir():
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
    return folder.resolve()


def _create_blocks(texts: Texts, jobs: Jobs, settings: Settings) -> gr.Blocks:
    blocks: gr.Blocks
    with gr.Blocks(
        title=texts("page.title"),
        analytics_enabled=False,
        delete_cache=(_SWEEP_SECONDS, _UPLOADS_KEPT_SECONDS),
        fill_width=True,
    ) as blocks:
        page = build_page(texts, settings.result_hours)
        bind_events(blocks, page, jobs=jobs, settings=settings, texts=texts)
        if texts is ENGLISH:
            add_endpoints(jobs)
    blocks.queue(max_size=_QUEUE, default_concurrency_limit=8)
    # By itself, each queue looks for work a thousand times a second, which takes a tenth of a core when there is none.
    blocks._queue.sleep_when_free = _QUEUE_LOOK_SECONDS  # noqa: SLF001 - Gradio has no setting for it
    return blocks


def _find_gradios_words(texts: Texts) -> dict[str, str]:
    """Return what to say in place of Gradio's own words: its sound input has no setting for them."""
    return {
        "upload_text.drop_audio": texts("voice.placeholder"),
        "upload_text.click_to_upload": "\u200b",
        "common.complete": "\u200b",
        "audio.drop_to_upload": texts("voice.placeholder"),
        "image.drop_to_upload": texts("photo.placeholder"),
    }


def _mount(app: FastAPI, blocks: gr.Blocks, texts: Texts) -> None:
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
        max_file_size="100mb",
        i18n=gr.I18n(**{texts.language: _find_gradios_words(texts)}),
        show_error=False,
    )
