"""What the routes get from the app."""

from typing import Annotated

from fastapi import Depends, Request

from app.jobs import Jobs
from app.settings import Settings


def _get_jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def _get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


JobsOfApp = Annotated[Jobs, Depends(_get_jobs)]
SettingsOfApp = Annotated[Settings, Depends(_get_settings)]
