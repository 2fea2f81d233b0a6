"""Jobs: submitted, followed, cancelled. They live in the data folder and outlast the server."""

from app.jobs.index import Age
from app.jobs.job import Draft, Filing, Glimpse, Job
from app.jobs.listeners import JobEvent
from app.jobs.registry import Wanted
from app.jobs.runners.protocol import JobRunner, RunEnd, RunLost, RunUpdate
from app.jobs.service import Jobs

__all__ = [
    "Age",
    "Draft",
    "Filing",
    "Glimpse",
    "Job",
    "JobEvent",
    "JobRunner",
    "Jobs",
    "RunEnd",
    "RunLost",
    "RunUpdate",
    "Wanted",
]
