"""The app: the REST API and the page on one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from app.accounts.database import FILE_NAME, Database
from app.arrival import ArrivalMiddleware
from app.clients import ClientMiddleware
from app.jobs import JobRunner, Jobs
from app.metrics import Metrics
from app.middleware import AnswerMiddleware
from app.origins import OriginMiddleware, find_hosts, find_public_origin
from app.password import PasswordMiddleware
from app.policy import PolicyMiddleware
from app.problems import add_handlers, add_handlers_to_mounts, refuse_other_methods
from app.routes import health, jobs, photos, profiles, recordings, verify, videos
from app.routes.openapi import complete_schema
from app.settings import Settings
from app.storage import JobStore
from pipeline.version import VERSION

_ROUTERS = (videos.router, jobs.router, photos.router, recordings.router, profiles.router, verify.router, health.router)
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
    service = Jobs(settings, store, runner, dollars_per_day)
    metrics.watch_jobs(service)
    app = _create_api(service, database)
    app.state.jobs, app.state.settings, app.state.metrics = service, settings, metrics
    app.state.database = database
    routers = (*_ROUTERS, *(_create_page_routers(service, settings) if settings.page else ()))
    for router in routers:
        app.include_router(router)
    refuse_other_methods(app, routers)
    complete_schema(app, has_password=settings.password is not None)
    add_handlers(app)
    if settings.page:
        _mount_page(app, service, settings)
    _add_doors(app, settings, metrics)
    return app


def _create_api(service: Jobs, database: Database) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await service.start()
        yield
        await service.close()
        database.close()

    # FastAPI's own API page loads its script from another host.
    return FastAPIOffline(
        title="Video Lab",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        static_url="/docs-assets",
    )


def _add_doors(app: FastAPI, settings: Settings, metrics: Metrics) -> None:
    """Add what decides who may ask, in front of all routes and the page. The last one added sees a request first."""
    hosts = find_hosts(settings)
    app.add_middleware(ArrivalMiddleware)
    if settings.password is not None:
        app.add_middleware(PasswordMiddleware, password=settings.password.get_secret_value())
    app.add_middleware(OriginMiddleware, hosts=hosts, public_origin=find_public_origin(settings))
    app.add_middleware(PolicyMiddleware)
    app.add_middleware(AnswerMiddleware, metrics=metrics)
    app.add_middleware(ClientMiddleware, trusted=settings.trusted_proxies, hosts=hosts)


def _create_page_routers(service: Jobs, settings: Settings) -> tuple[APIRouter, ...]:
    from app.ui import create_routers  # Gradio takes seconds to import

    return create_routers(service, settings)


def _mount_page(app: FastAPI, service: Jobs, settings: Settings) -> None:
    from app.ui import mount_page

    mount_page(app, service, settings)
    add_handlers_to_mounts(app)
