"""What Prometheus may know: counts and durations, but nothing about any one person or job."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.jobs import JobEvent, Jobs

_JOB_SECONDS = (1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600, 7200)


class Metrics:
    """The measurements of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "video_lab_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._refused_uploads = Counter(
            "video_lab_uploads_refused", "Uploads of the page that were not taken.", ["status"], registry=self.registry
        )
        self._ended = Counter("video_lab_jobs_ended", "Jobs ended.", ["profile", "status"], registry=self.registry)
        self._dollars = Counter(
            "video_lab_job_cost_dollars",
            "What runs cost of GPUs that are paid for by the second.",
            ["profile"],
            registry=self.registry,
        )
        self._deliveries = Counter(
            "video_lab_webhook_attempts",
            "Attempts to send word of a job's end: delivered, retried later, or failed for good.",
            ["outcome"],
            registry=self.registry,
        )
        self._run_seconds = Histogram(
            "video_lab_job_run_seconds",
            "How long jobs ran that were done.",
            ["profile"],
            buckets=_JOB_SECONDS,
            registry=self.registry,
        )
        self._wait_seconds = Histogram(
            "video_lab_job_wait_seconds",
            "How long jobs waited before they ran.",
            ["profile"],
            buckets=_JOB_SECONDS,
            registry=self.registry,
        )

    def watch_jobs(self, jobs: Jobs) -> None:
        """Count the jobs that end, and report at each scrape how many there are and what went wrong with runs."""
        jobs.subscribe(self.count_job, "done", "failed", "cancelled")
        self.registry.register(_JobsNow(jobs))

    def watch_uploads(self, count: Callable[[], tuple[int, int]]) -> None:
        """Report the number of the page's uploads and their bytes at each scrape."""
        self.registry.register(_UploadsNow(count))

    def count_refused_upload(self, status: int) -> None:
        """Count an upload that was refused."""
        self._refused_uploads.labels(str(status)).inc()

    def count_request(self, method: str, route: str, status: int) -> None:
        """Count an answered request; `route` is a pattern, never a path."""
        self._requests.labels(method, route, str(status)).inc()

    def count_delivery(self, outcome: str) -> None:
        """Count an attempt to send word of a job's end."""
        self._deliveries.labels(outcome).inc()

    def count_job(self, event: JobEvent) -> None:
        """Count a job that has ended."""
        job = event.job
        self._ended.labels(job.profile, job.status).inc()
        if job.cost is not None and job.cost.dollars is not None:
            self._dollars.labels(job.profile).inc(job.cost.dollars)
        if job.wait_seconds is not None:
            self._wait_seconds.labels(job.profile).observe(job.wait_seconds)
        if job.status == "done" and job.run_seconds is not None:
            self._run_seconds.labels(job.profile).observe(job.run_seconds)


class _JobsNow(Collector):
    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily("video_lab_jobs", "Jobs that are kept, by status.", labels=["status"])
        for status, number in self._jobs.count_statuses().items():
            family.add_metric([status], number)
        yield family
        lost = CounterMetricFamily("video_lab_runs_lost", "Runs that ended without a word.", labels=["reason"])
        for code, number in self._jobs.count_losses().items():
            lost.add_metric([code.removeprefix("job.")], number)
        yield lost
        set_aside = "Jobs whose records cannot be read."
        yield GaugeMetricFamily("video_lab_jobs_set_aside", set_aside, self._jobs.num_set_aside)


class _UploadsNow(Collector):
    def __init__(self, count: Callable[[], tuple[int, int]]) -> None:
        self._count = count

    def collect(self) -> Iterator[Metric]:
        number, num_bytes = self._count()
        yield GaugeMetricFamily("video_lab_uploads", "Uploads of the page that are kept.", value=number)
        yield GaugeMetricFamily("video_lab_uploads_bytes", "What they take.", value=num_bytes)
