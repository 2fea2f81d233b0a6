"""Dependencies of the routes."""

from typing import Annotated

from fastapi import Depends, Request

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


JobsOfApp = Annotated[Jobs, Depends(_get_jobs)]
SettingsOfApp = Annotated[Settings, Depends(_get_settings)]
