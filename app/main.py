"""The app: the REST API and the page on one port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from app.access import AccessMiddleware, Door
from app.accounts.database import FILE_NAME, Database
from app.api_paths import ApiPaths
from app.arrival import ArrivalMiddleware
from app.batches.book import BatchBook
from app.batches.rows import RowReader
from app.clients import ClientMiddleware
from app.guests import GuestMiddleware
from app.jobs import JobRunner, Jobs
from app.mcp import create_router
from app.metrics import Metrics
from app.middleware import AnswerMiddleware, CompressionMiddleware, HeadMiddleware
from app.origins import OriginMiddleware, find_hosts, find_public_origin
from app.policy import PolicyMiddleware
from app.problems import add_handlers, add_handlers_to_mounts, refuse_other_methods
from app.quota import make_shelf_quota
from app.routes import batches, deliveries, health, jobs, photos, profiles, recordings, uploads, usage, verify, videos
from app.routes.openapi import complete_schema, name_operation
from app.settings import Settings
from app.storage import JobStore
from app.uploads import UploadShelf
from app.webhooks import DeliveryBook, Sender
from pipeline.version import VERSION

_ROUTERS = (
    videos.router,
    jobs.router,
    deliveries.router,
    uploads.router,
    batches.router,
    photos.router,
    recordings.router,
    profiles.router,
    verify.router,
    health.router,
    usage.router,
)
_DESCRIPTION = """
A photo and a voice become a talking video.

`POST /generate` answers with the video; for anything long, `POST /jobs` answers at once with a job that can be
followed, fetched and cancelled. Every error is problem+json (RFC 9457): `detail` says what was expected, what came and
what to do, `code` stays the same while texts may change.
"""


def create_app(settings: Settings, runner: JobRunner | None = None, *, dollars_per_day: float = 0.0) -> FastAPI:
    """Create the app. It locks the data folder now, and starts working at its start-up.

    Args:
        settings: Checked settings.
        runner: Runs the models that need a GPU; None runs them on this machine.
        dollars_per_day: What its jobs may cost in 24 hours; 0 sets no limit.

    Raises:
        DataFolderError: The data folder cannot be used.
    """
    metrics = Metrics()
    store = JobStore(settings.data_dir)
    database = Database(settings.data_dir / FILE_NAME)
    service = Jobs(settings, store, runner, dollars_per_day, database)
    metrics.watch_jobs(service)
    sender = _create_sender(service, database, settings, metrics)
    shelf = UploadShelf(database, store.shelf, make_shelf_quota(settings), settings.upload_hours * 3600)
    app = _create_api(service, database, sender, shelf, settings)
    app.state.jobs, app.state.settings, app.state.metrics = service, settings, metrics
    app.state.database, app.state.sender, app.state.uploads = database, sender, shelf
    app.state.batches, app.state.row_reader = BatchBook(database), RowReader(service, shelf, settings.webhook_hosts)
    app.state.door = door = Door(database, settings.password.get_secret_value() if settings.password else None)
    tools = (create_router(_ROUTERS),) if settings.mcp else ()
    routers = (*_ROUTERS, *tools, *(_create_page_routers(service, settings, door) if settings.page else ()))
    for router in routers:
        app.include_router(router)
    refuse_other_methods(app, routers)
    complete_schema(app, is_open=lambda: not door.asks)
    add_handlers(app)
    if settings.page:
        _mount_page(app, service, settings)
    _add_doors(app, settings, metrics, door)
    return app


def _create_sender(service: Jobs, database: Database, settings: Settings, metrics: Metrics) -> Sender:
    return Sender(
        service,
        DeliveryBook(database),
        partial(deliveries.describe_webhook, public_url=settings.public_url),
        allowed_hosts=settings.webhook_hosts,
        count=metrics.count_delivery,
    )


def _create_api(service: Jobs, database: Database, sender: Sender, shelf: UploadShelf, settings: Settings) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        book = BatchBook(database)
        await service.start(book.knows)
        await sender.start()
        sweepers = [
            asyncio.create_task(work) for work in (shelf.sweep_forever(), book.sweep_forever(service.remembers))
        ]
        yield
        for sweeper in sweepers:
            sweeper.cancel()
        await sender.close()
        await service.close()
        database.close()

    # FastAPI's own API page loads its script from another host.
    return FastAPIOffline(
        title="Video Lab",
        version=VERSION,
        description=_DESCRIPTION,
        contact={"name": "Whoever runs this server"},
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        servers=[{"url": str(settings.public_url).rstrip("/") if settings.public_url else "/"}],
        generate_unique_id_function=name_operation,
        lifespan=lifespan,
        redoc_url=None,
        static_url="/docs-assets",
    )


def _add_doors(app: FastAPI, settings: Settings, metrics: Metrics, door: Door) -> None:
    """Add what decides who may ask, in front of all routes and the page. The last one added sees a request first."""
    hosts, api = find_hosts(settings), ApiPaths(_ROUTERS)
    app.add_middleware(HeadMiddleware, api=api)
    app.add_middleware(CompressionMiddleware, api=api)
    app.add_middleware(ArrivalMiddleware)
    app.add_middleware(AccessMiddleware, door=door, has_page=settings.page)
    app.add_middleware(OriginMiddleware, hosts=hosts, public_origin=find_public_origin(settings))
    app.add_middleware(GuestMiddleware, origins=settings.cors_origins, api=api)
    app.add_middleware(PolicyMiddleware)
    app.add_middleware(AnswerMiddleware, metrics=metrics)
    app.add_middleware(ClientMiddleware, trusted=settings.trusted_proxies, hosts=hosts)


def _create_page_routers(service: Jobs, settings: Settings, door: Door) -> tuple[APIRouter, ...]:
    from app.ui import create_routers  # Gradio takes seconds to import

    return create_routers(service, settings, door)


def _mount_page(app: FastAPI, service: Jobs, settings: Settings) -> None:
    from app.ui import mount_page

    mount_page(app, service, settings)
    add_handlers_to_mounts(app)
