"""Dependencies of the routes."""

from typing import Annotated

from fastapi import Depends, Request

from app.accounts.database import Database
from app.callers import Caller, find_caller
from app.jobs import Jobs
from app.quota import ByteQuota
from app.settings import Settings


def _get_jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def find_quota(request: Request) -> ByteQuota:
    """Return the app's count of the bytes of uploads."""
    return _get_jobs(request).quota


def _get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _find_caller(request: Request) -> Caller:
    return find_caller(request.scope)


CallerOfRequest = Annotated[Caller, Depends(_find_caller)]
DatabaseOfApp = Annotated[Database, Depends(_get_database)]
JobsOfApp = Annotated[Jobs, Depends(_get_jobs)]
SettingsOfApp = Annotated[Settings, Depends(_get_settings)]
