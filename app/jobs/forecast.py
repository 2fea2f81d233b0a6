"""When jobs are likely to be done, and what they are likely to cost."""

from collections.abc import Callable
from datetime import UTC, datetime

from app.jobs.entry import Entry
from app.jobs.lane import Lane
from app.jobs.speed import SpeedBook, find_remaining
from app.records import ENDED, JobRecord
from pipeline.engine import Availability
from pipeline.estimate import Estimate, estimate
from pipeline.profiles import Profile, get_profile
from pipeline.types import Sampling


class Forecaster:
    """Forecasts from what was measured here; before that, from arithmetic.

    Args:
        speeds: What was measured.
        availability: Says which GPUs, and how many together, make a video of a profile.
    """

    def __init__(self, speeds: SpeedBook, availability: Callable[[Profile], Availability]) -> None:
        self._speeds = speeds
        self._availability = availability

    def learn(self, record: JobRecord) -> None:
        """Learn from a job that is done; one with steps of its own says nothing about its profile."""
        if record.started_at and record.finished_at and record.request.num_inference_steps is None:
            run_seconds = (record.finished_at - record.started_at).total_seconds()
            self._speeds.add(record.request.profile, record.speech_seconds, run_seconds)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Say what a run takes, with Modal's price; `num_inference_steps` stands in place of the profile's."""
        sampling = Sampling(
            num_inference_steps or profile.num_inference_steps, profile.guidance_scale, profile.audio_guidance_scale
        )
        measured = self._speeds.ratio(profile.name) if num_inference_steps is None else None
        where = self._availability(profile)
        return estimate(profile, sampling, speech_seconds, where.gpu, measured, where.num_gpus)

    def predict_run(self, entry: Entry) -> float:
        """Say how many seconds the job's run is likely to take from now, without its time in the queue."""
        record = entry.record
        request = record.request
        forecast = self.estimate(get_profile(request.profile), record.speech_seconds, request.num_inference_steps)
        now = datetime.now(UTC)
        return find_remaining(forecast.seconds, now - (record.started_at or now), entry.progress)

    def predict(self, lane: Lane, entry: Entry) -> float | None:
        """Say in how many seconds the job is likely to be done; None where it has ended."""
        if entry.record.status in ENDED:
            return None
        if entry not in lane.waiting:
            return self.predict_run(entry)
        before = [*lane.running, *lane.waiting[: lane.waiting.index(entry)]]
        return self.predict_run(entry) + sum(map(self.predict_run, before)) / lane.runner.capacity
