"""Jobs: submitted, followed, cancelled; they live in the data folder and outlast the server."""

from app.jobs.job import Job
from app.jobs.runner import JobRunner, RunEnd, RunLost, RunUpdate
from app.jobs.service import Jobs
from app.jobs.work import perform

__all__ = ["Job", "JobRunner", "Jobs", "RunEnd", "RunLost", "RunUpdate", "perform"]
