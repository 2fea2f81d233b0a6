"""Whether a job fits into the time and the money that there are, decided before anything is paid for."""

import json
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from app.errors import BudgetError
from app.jobs.forecast import Forecaster
from app.records import JobRecord
from app.storage import write_whole
from pipeline.engine import Availability
from pipeline.engines import FREE_PROFILES, GPU_PROFILES, get_profile
from pipeline.errors import InputError
from pipeline.profiles import Profile
from pipeline.request import VideoRequest

Predict = Callable[[VideoRequest, float], float]
"""Returns the seconds that a request with so many seconds of speech is likely to take."""

Reservation = tuple[float, float]
"""When it was made, and the dollars."""

_DAY_SECONDS = 24 * 3600.0
_log = logging.getLogger(__name__)


class Budget:
    """What was spent in the last 24 hours, and what is reserved; kept in a file beside the jobs."""

    def __init__(self, path: Path, dollars_per_day: float, clock: Callable[[], float] = time.time) -> None:
        """Read the account that an earlier server left.

        Args:
            path: The account's file; one line of JSON.
            dollars_per_day: What may be spent in any 24 hours.
            clock: Returns seconds since the epoch.
        """
        self._path = path
        self._dollars_per_day = dollars_per_day
        self._clock = clock
        self._reservations = _read(path)

    def reserve(self, job_id: str, dollars: float) -> None:
        """Reserve the dollars for a job, in place of what was reserved for it before.

        Raises:
            BudgetError: They would exceed what may be spent.
        """
        now = self._clock()
        self._forget_before(now - _DAY_SECONDS)
        others = [entry for name, entry in self._reservations.items() if name != job_id]
        spent = sum(dollars for _, dollars in others)
        if spent + dollars > self._dollars_per_day:
            raise BudgetError(dollars, spent, self._dollars_per_day, self._find_wait(others, now, spent + dollars))
        self._reservations[job_id] = (now, dollars)
        write_whole(self._path, json.dumps(self._reservations))

    def check_possible(self, dollars: float) -> None:
        """Refuse what is more than may be spent in a day.

        Raises:
            BudgetError: It is.
        """
        if dollars > self._dollars_per_day:
            raise BudgetError(dollars, 0.0, self._dollars_per_day, None)

    def settle(self, job_id: str, dollars: float) -> None:
        """Replace what was reserved for the job with what it has cost."""
        if job_id in self._reservations:
            self._reservations[job_id] = (self._reservations[job_id][0], dollars)
            with suppress(OSError):  # a full disk ends no job; the file still has the reservation, which is more
                write_whole(self._path, json.dumps(self._reservations))

    def _forget_before(self, moment: float) -> None:
        self._reservations = {job_id: entry for job_id, entry in self._reservations.items() if entry[0] > moment}

    def _find_wait(self, others: Iterable[Reservation], now: float, needed: float) -> int | None:
        """Return the seconds until enough of the account is a day old; None if that never helps."""
        for moment, dollars in sorted(others):
            needed -= dollars
            if needed <= self._dollars_per_day:
                return max(1, round(moment + _DAY_SECONDS - now))
        return None


class PriceGuard:
    """Refuses paid runs that would take too long or cost too much, and keeps the account of the others.

    Args:
        forecaster: Predicts times and prices.
        availability: Says how long a run of a profile may take.
        budget: None sets no limit.
    """

    def __init__(
        self, forecaster: Forecaster, availability: Callable[[Profile], Availability], budget: Budget | None
    ) -> None:
        self._forecaster = forecaster
        self._availability = availability
        self._budget = budget

    def check_possible(self, request: VideoRequest, speech_seconds: float) -> None:
        """Refuse what would never be run, however long it waits; raises as `check` does."""
        check_feasible(request, speech_seconds, self._forecaster.predict_slowest, self._find_most)
        if self._budget:
            self._budget.check_possible(self._forecaster.estimate_request(request, speech_seconds).dollars)

    def check(self, record: JobRecord) -> None:
        """Refuse a job that takes longer than it may, or reserve its price.

        Raises:
            InputError: It takes too long.
            BudgetError: It costs too much.
        """
        check_feasible(record.request, record.speech_seconds, self._forecaster.predict_slowest, self._find_most)
        if self._budget:
            self._budget.reserve(record.id, self.predict(record))

    def predict(self, record: JobRecord) -> float:
        """Return the dollars that a job is likely to cost."""
        return self._forecaster.estimate_request(record.request, record.speech_seconds).dollars

    def reserve(self, name: str, dollars: float) -> None:
        """Reserve what is spent for no job in particular.

        Raises:
            BudgetError: It costs too much.
        """
        if self._budget:
            self._budget.reserve(name, dollars)

    def release(self, job_id: str) -> None:
        """Release the reservation of a job that was not accepted after all."""
        if self._budget:
            self._budget.settle(job_id, 0.0)

    def settle(self, record: JobRecord) -> None:
        """Replace the reservation with what the run has cost; one that did not start has cost nothing."""
        if self._budget is None:
            return
        if record.cost and record.cost.dollars is not None:
            self._budget.settle(record.id, record.cost.dollars)
        elif record.started_at is None:
            self._budget.settle(record.id, 0.0)

    def _find_most(self, profile: str) -> float | None:
        return self._availability(get_profile(profile)).most_seconds


def check_feasible(
    request: VideoRequest, speech_seconds: float, predict: Predict, find_most: Callable[[str], float | None]
) -> None:
    """Refuse a run that would be stopped before it is done.

    Args:
        request: What is asked for.
        speech_seconds: Length of the speech.
        predict: Predicts how long runs take.
        find_most: Returns the seconds that a run of a profile may be expected to take; None sets no limit.

    Raises:
        InputError: It takes too long; the message has the numbers, and what would fit.
    """
    most = find_most(request.profile)
    expected = predict(request, speech_seconds)
    if most is None or expected <= most:
        return
    fitting = _find_longest(lambda seconds: predict(request, seconds) <= most, int(speech_seconds))
    quicker = _find_quicker(speech_seconds, predict, find_most)
    code = "request.takes_too_long" if fitting else "request.takes_too_long_always"
    raise InputError(
        code,
        "max_duration_sec" if fitting else "profile",
        profile=request.profile,
        seconds=round(speech_seconds, 1),
        hours=_round_hours(expected),
        most=_round_hours(most),
        fitting=fitting,
        quicker=", ".join(quicker),
    )


def _find_longest(fits: Callable[[float], bool], most: int) -> int:
    """Return the greatest whole number of seconds that fits, 0 if none does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _find_quicker(speech_seconds: float, predict: Predict, find_most: Callable[[str], float | None]) -> list[str]:
    """Name the profiles that are quick enough for speech of this length; the preview always is."""
    fitting = []
    for name in GPU_PROFILES:
        most = find_most(name)
        if most is None or predict(VideoRequest(profile=name), speech_seconds) <= most:
            fitting.append(name)
    return [*fitting, *FREE_PROFILES]


def _round_hours(seconds: float) -> float:
    """Return hours, with as many digits as are meaningful."""
    return round(seconds / 3600, 1 if seconds >= 3600 else 2)


def _read(path: Path) -> dict[str, Reservation]:
    try:
        found = json.loads(path.read_text())
        return {str(job_id): (float(moment), float(dollars)) for job_id, (moment, dollars) in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        _log.error("The account of what was spent cannot be read from %s; it starts from zero.", path.name)
        return {}
