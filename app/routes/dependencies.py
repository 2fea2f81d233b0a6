"""Dependencies of the routes."""

from typing import Annotated

from fastapi import Depends, Request

from app.accounts.database import Database
from app.batches.book import BatchBook
from app.callers import Caller, find_caller
from app.errors import AnonymousListError
from app.jobs import Jobs
from app.quota import ByteQuota
from app.settings import Settings
from app.uploads import UploadShelf


def _get_jobs(request: Request) -> Jobs:
    """Return the jobs that the caller may see."""
    jobs: Jobs = request.app.state.jobs
    return jobs.seen_by(lambda: find_caller(request.scope).key_id)


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


def _find_lister(request: Request) -> Caller:
    """Return who asks for a list of jobs.

    Raises:
        AnonymousListError: Nobody says who asks: a list would show the jobs of strangers.
    """
    caller = _find_caller(request)
    if caller.key_id is None and _get_settings(request).password is None:
        raise AnonymousListError
    return caller


def _get_uploads(request: Request) -> UploadShelf:
    shelf: UploadShelf = request.app.state.uploads
    return shelf


def _get_batches(request: Request) -> BatchBook:
    book: BatchBook = request.app.state.batches
    return book


BatchesOfApp = Annotated[BatchBook, Depends(_get_batches)]
CallerOfRequest = Annotated[Caller, Depends(_find_caller)]
CallerOfList = Annotated[Caller, Depends(_find_lister)]
DatabaseOfApp = Annotated[Database, Depends(_get_database)]
JobsOfApp = Annotated[Jobs, Depends(_get_jobs)]
UploadsOfApp = Annotated[UploadShelf, Depends(_get_uploads)]
SettingsOfApp = Annotated[Settings, Depends(_get_settings)]
