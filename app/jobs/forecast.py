"""When jobs are likely to be done, and what they are likely to cost."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from app.jobs.clock import read_steady
from app.jobs.entry import Entry
from app.jobs.lane import Lane
from app.jobs.speed import SpeedBook, find_remaining, name_place
from app.records import ENDED, JobRecord, JobRequest
from pipeline.engine import Availability
from pipeline.estimate import Estimate, estimate, find_better, find_device
from pipeline.profiles import Profile, get_profile
from pipeline.types import DeviceKind

_OUTLOOK_SECONDS = 1.0


@dataclass(frozen=True)
class _Outlook:
    """How long the jobs of a lane wait, found in one pass for all of them.

    Attributes:
        versions: Of the lane and of what was measured.
        seen_at: When it was found.
        seconds: Until the turn of the job at each place, first that of place 1.
    """

    versions: Hashable
    seen_at: float
    seconds: list[float]


class Forecaster:
    """Forecasts from what was measured here; before that, from arithmetic.

    Args:
        speeds: What was measured.
        availability: Says which GPUs, and how many together, make a video of a profile.
        read_steady: Measures how long runs have been going on.
    """

    def __init__(
        self,
        speeds: SpeedBook,
        availability: Callable[[Profile], Availability],
        read_steady: Callable[[], float] = read_steady,
    ) -> None:
        self._speeds = speeds
        self._availability = availability
        self._read_steady = read_steady
        self._outlooks: dict[Lane, _Outlook] = {}

    def learn(self, record: JobRecord) -> None:
        """Learn from a job that is done; one with numbers of its own says nothing about its profile."""
        if record.run_seconds is None or not record.request.is_plain:
            return
        if record.cost is None:
            self._speeds.add(record.request.profile, record.speech_seconds, record.run_seconds)
        elif (kind := find_device(record.cost.gpu)) and record.result:
            place = name_place(record.request.profile, kind, record.cost.count)
            self._speeds.add(place, record.speech_seconds, record.result.compute_seconds)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Say what a run takes, with Modal's price; `num_inference_steps` stands in place of the profile's."""
        request = JobRequest(profile=profile.name, num_inference_steps=num_inference_steps)
        return self.estimate_request(request, speech_seconds)

    def estimate_request(self, request: JobRequest, speech_seconds: float) -> Estimate:
        """Say what the run of a request takes, with Modal's price."""
        profile = get_profile(request.profile)
        where = self._availability(profile)
        forecast = self._estimate_on(where.gpu, where.num_gpus, request, speech_seconds)
        if not where.gpu_setting:
            return forecast
        return find_better(
            forecast,
            where.gpu,
            lambda kind: estimate(profile, request.sampling, speech_seconds, kind, None, where.num_gpus),
        )

    def predict_slowest(self, request: JobRequest, speech_seconds: float) -> float:
        """Say how many seconds a run takes on the slowest GPU that it may get."""
        where = self._availability(get_profile(request.profile))
        kinds = (where.gpu, *where.fallbacks)
        return max(self._estimate_on(kind, where.num_gpus, request, speech_seconds).seconds for kind in kinds)

    def _estimate_on(self, gpu: DeviceKind, num_gpus: int, request: JobRequest, speech_seconds: float) -> Estimate:
        profile = get_profile(request.profile)
        measured = self._speeds.ratio(name_place(profile.name, gpu, num_gpus), profile.name)
        known = measured if request.is_plain else None
        return estimate(profile, request.sampling, speech_seconds, gpu, known, num_gpus)

    def predict_run(self, entry: Entry) -> float:
        """Say how many seconds the job's run is likely to take from now, without its time in the queue."""
        forecast = self.estimate_request(entry.record.request, entry.record.speech_seconds)
        elapsed = 0.0 if entry.begun_at is None else self._read_steady() - entry.begun_at
        return find_remaining(forecast.seconds, timedelta(seconds=elapsed), entry.progress)

    def predict(self, lane: Lane, entry: Entry, position: int | None) -> float | None:
        """Say in how many seconds the job is likely to be done; None where it has ended.

        Args:
            lane: Of the job.
            entry: The job.
            position: Its place in the lane's queue; None where it does not wait.
        """
        if entry.record.status in ENDED:
            return None
        own = self.predict_run(entry)
        return own if position is None else own + self._look_ahead(lane)[position - 1]

    def _look_ahead(self, lane: Lane) -> list[float]:
        versions, now = (lane.version, self._speeds.version), self._read_steady()
        known = self._outlooks.get(lane)
        if known is None or known.versions != versions or now - known.seen_at > _OUTLOOK_SECONDS:
            known = self._outlooks[lane] = _Outlook(versions, now, self._count_waits(lane))
        return known.seconds

    def _count_waits(self, lane: Lane) -> list[float]:
        """Add up, for each place in the queue, the runs before it; whole seconds of speech are near enough."""
        found: dict[Hashable, float] = {}
        runs = [sum(map(self.predict_run, lane.begun))]
        for entry in lane.queue:
            request = entry.record.request
            length = round(entry.record.speech_seconds)
            kind = (
                request.profile,
                length,
                request.num_inference_steps,
                request.guidance_scale,
                request.audio_guidance_scale,
            )
            seconds = found.get(kind)
            if seconds is None:
                seconds = found[kind] = self.estimate_request(request, max(length, 1)).seconds
            runs.append(seconds)
        return [seconds / lane.num_parallel for seconds in accumulate(runs)]
