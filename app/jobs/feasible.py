"""Whether a run can be done in the time that it may take, found out before anything is paid for."""

from collections.abc import Callable

from app.records import JobRequest
from pipeline.errors import InputError
from pipeline.profiles import PROFILES

Predict = Callable[[JobRequest, float], float]
"""Returns the seconds that a request with so many seconds of speech is likely to take."""

_FREE = "preview"


def check_feasible(
    request: JobRequest, speech_seconds: float, predict: Predict, find_most: Callable[[str], float | None]
) -> None:
    """Refuse what would be ended before it is done.

    Args:
        request: What is asked for.
        speech_seconds: Length of the voice.
        predict: Knows how long runs take.
        find_most: Returns how long a run of a profile may be expected to take; None where that does not matter.

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
        hours=_tell(expected),
        most=_tell(most),
        fitting=fitting,
        quicker=", ".join(quicker),
    )


def _find_longest(fits: Callable[[float], bool], most: int) -> int:
    """Return the greatest whole number of seconds that fits, 0 where none does."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _find_quicker(speech_seconds: float, predict: Predict, find_most: Callable[[str], float | None]) -> list[str]:
    """Name the profiles that a voice of this length can have; the preview always can."""
    fitting = []
    for name in PROFILES:
        most = None if name == _FREE else find_most(name)
        if name != _FREE and (most is None or predict(JobRequest(profile=name), speech_seconds) <= most):
            fitting.append(name)
    return [*fitting, _FREE]


def _tell(seconds: float) -> float:
    """Return hours, with as many digits as say something."""
    return round(seconds / 3600, 1 if seconds >= 3600 else 2)
