"""Jobs: submitted, followed, cancelled. They live in the data folder and outlast the server."""

from app.jobs.job import Filing, Job
from app.jobs.listeners import JobEvent
from app.jobs.runners.protocol import JobRunner, RunEnd, RunLost, RunUpdate
from app.jobs.service import Jobs

__all__ = ["Filing", "Job", "JobEvent", "JobRunner", "Jobs", "RunEnd", "RunLost", "RunUpdate"]
