"""When jobs are likely to be done, and what they are likely to cost."""

import json
import math
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from pathlib import Path

from app.jobs.clock import read_steady
from app.jobs.job import JobState
from app.jobs.queue import JobQueue
from app.records import ENDED, JobRecord
from app.storage import write_whole
from pipeline.devices import DeviceKind, find_device
from pipeline.engine import Availability
from pipeline.engines import get_profile
from pipeline.estimate import Estimate, estimate, find_better
from pipeline.profiles import Profile
from pipeline.request import VideoRequest
from pipeline.sampling import choose_sampling
from pipeline.types import Progress

_OUTLOOK_SECONDS = 1.0
_WEIGHT_OF_NEWEST = 0.3
_MOST_SECONDS_PER_SECOND = 100_000.0
_LEAST_SHARE = 0.02
"""The share of a run after which its own pace says something."""


class SpeedBook:
    """How many seconds a second of speech takes, for each profile; kept in a file."""

    def __init__(self, path: Path) -> None:
        self.version = 0
        self._path = path
        self._ratios: dict[str, float] = {}
        if path.exists():
            self._ratios = _read_ratios(path)

    def add(self, profile: str, speech_seconds: float, run_seconds: float) -> None:
        """Learn from a job that is done; impossible times are ignored."""
        ratio = run_seconds / max(speech_seconds, 1.0)
        if not _is_possible(ratio):
            return
        self.version += 1
        known = self._ratios.get(profile, ratio)
        self._ratios[profile] = known + _WEIGHT_OF_NEWEST * (ratio - known)
        with suppress(OSError):  # a full disk ends no job; the next one writes the file again
            write_whole(self._path, json.dumps(self._ratios))

    def ratio(self, *names: str) -> float | None:
        """Return how many seconds a second of speech takes, by the first name that is known; None if none is."""
        return next((self._ratios[name] for name in names if name in self._ratios), None)


def name_place(profile: str, gpu: DeviceKind, num_gpus: int) -> str:
    """Return the name under which the speed of a profile on paid GPUs is kept."""
    return f"{profile} on {num_gpus} x {gpu}"


def find_remaining(predicted_seconds: float, elapsed: timedelta, progress: Progress | None) -> float:
    """Return the seconds that a run is likely to go on: at first as predicted, then more and more by its own pace."""
    elapsed_seconds = elapsed.total_seconds()
    by_prediction = max(predicted_seconds - elapsed_seconds, 1.0)
    done = progress.percent / 100 if progress else 0.0
    if done < _LEAST_SHARE:
        return by_prediction
    return done * elapsed_seconds * (1 - done) / done + (1 - done) * by_prediction


def _is_possible(ratio: float) -> bool:
    return math.isfinite(ratio) and 0 < ratio < _MOST_SECONDS_PER_SECOND


def _read_ratios(path: Path) -> dict[str, float]:
    """Return what is in the file; impossible values are left out, and learned again."""
    try:
        ratios = {str(name): float(ratio) for name, ratio in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {name: ratio for name, ratio in ratios.items() if _is_possible(ratio)}


@dataclass(frozen=True)
class _Outlook:
    """How long the jobs of a queue have to wait, computed in one pass for all of them.

    Attributes:
        versions: Of the queue and of the measured speeds.
        seen_at: When it was computed.
        seconds: Until the turn of the job at each place, that of place 1 first.
    """

    versions: Hashable
    seen_at: float
    seconds: list[float]


class Forecaster:
    """Forecasts from measured speeds; until there are any, from arithmetic.

    Args:
        speeds: As measured here.
        availability: Says which GPUs make a video of a profile, and how many of them together.
        read_steady: The clock that measures how long runs have been going on.
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
        self._outlooks: dict[JobQueue, _Outlook] = {}

    def learn(self, record: JobRecord) -> None:
        """Learn from a job that is done; one that overrides its profile's numbers says nothing about the profile."""
        if record.run_seconds is None or not record.request.is_plain:
            return
        if record.cost is None:
            made_before = record.result.compute_seconds if record.result else 0.0  # with the clips of earlier runs
            self._speeds.add(record.request.profile, record.speech_seconds, max(record.run_seconds, made_before))
        elif (kind := find_device(record.cost.gpu)) and record.result:
            place = name_place(record.request.profile, kind, record.cost.count)
            self._speeds.add(place, record.speech_seconds, record.result.compute_seconds)

    def estimate(self, profile: Profile, speech_seconds: float, num_inference_steps: int | None = None) -> Estimate:
        """Estimate a run, with Modal's price; `num_inference_steps` replaces the profile's."""
        request = VideoRequest(profile=profile.name, num_inference_steps=num_inference_steps)
        return self.estimate_request(request, speech_seconds)

    def estimate_request(self, request: VideoRequest, speech_seconds: float) -> Estimate:
        """Estimate the run of a request, with Modal's price."""
        profile = get_profile(request.profile)
        where = self._availability(profile)
        forecast = self._estimate_on(where.gpu, where.num_gpus, request, speech_seconds)
        if not where.gpu_setting:
            return forecast
        return find_better(
            forecast,
            where.gpu,
            lambda kind: estimate(
                profile, choose_sampling(request, profile), speech_seconds, kind, None, where.num_gpus
            ),
        )

    def predict_slowest(self, request: VideoRequest, speech_seconds: float) -> float:
        """Return the seconds that a run takes on the slowest GPU that it may get."""
        where = self._availability(get_profile(request.profile))
        kinds = (where.gpu, *where.fallbacks)
        return max(self._estimate_on(kind, where.num_gpus, request, speech_seconds).seconds for kind in kinds)

    def _estimate_on(self, gpu: DeviceKind, num_gpus: int, request: VideoRequest, speech_seconds: float) -> Estimate:
        profile = get_profile(request.profile)
        measured = self._speeds.ratio(name_place(profile.name, gpu, num_gpus), profile.name)
        known = measured if request.is_plain else None
        return estimate(profile, choose_sampling(request, profile), speech_seconds, gpu, known, num_gpus)

    def predict_run(self, state: JobState) -> float:
        """Return the seconds that the job's run is likely to take from now on, without its time in the queue."""
        forecast = self.estimate_request(state.record.request, state.record.speech_seconds)
        elapsed = 0.0 if state.begun_at is None else self._read_steady() - state.begun_at
        return find_remaining(forecast.seconds, timedelta(seconds=elapsed), state.progress)

    def predict(self, queue: JobQueue, state: JobState, position: int | None) -> float | None:
        """Return the seconds until the job is likely to be done; None if it has ended.

        Args:
            queue: Has the job.
            state: The job.
            position: Its place in the queue; None if it is not waiting.
        """
        if state.record.status in ENDED:
            return None
        own = self.predict_run(state)
        if position is None:
            return own
        waits = self._look_ahead(queue)
        num_held = position - len(waits)  # ahead in batches, and itself: as long as this one, as far as anybody knows
        return own + (waits[position - 1] if num_held <= 0 else waits[-1] + num_held * own / queue.num_parallel)

    def _look_ahead(self, queue: JobQueue) -> list[float]:
        versions, now = (queue.version, self._speeds.version), self._read_steady()
        known = self._outlooks.get(queue)
        if known is None or known.versions != versions or now - known.seen_at > _OUTLOOK_SECONDS:
            known = self._outlooks[queue] = _Outlook(versions, now, self._count_waits(queue))
        return known.seconds

    def _count_waits(self, queue: JobQueue) -> list[float]:
        """Add up the runs ahead of each place in the queue; whole seconds of speech are precise enough."""
        found: dict[Hashable, float] = {}
        runs = [sum(map(self.predict_run, queue.begun))]
        for state in queue.pending:
            request = state.record.request
            length = round(state.record.speech_seconds)
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
        return [seconds / queue.num_parallel for seconds in accumulate(runs)]
