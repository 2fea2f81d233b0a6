"""The app: the REST API and the page on one port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app import VERSION
from app.jobs import JobRunner, Jobs
from app.settings import Settings
from app.storage import JobStore


def create_app(settings: Settings, runner: JobRunner | None = None) -> FastAPI:
    """Make the app; it takes the data folder now and works from its start-up on.

    Args:
        settings: Checked settings.
        runner: Runs the models that need a GPU; None runs them on this machine.

    Raises:
        DataFolderError: The data folder cannot be used.
    """
    jobs = Jobs(settings, JobStore(settings.data_dir), runner)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        await jobs.start()
        yield
        await jobs.close()

    app = FastAPI(title="Video Lab", version=VERSION, lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.state.jobs = jobs
    return app
