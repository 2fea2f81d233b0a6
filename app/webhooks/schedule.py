"""When a delivery that failed is tried again."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAIT_SECONDS = (5, 300, 1800, 7200, 18_000, 36_000)
"""After the first failure, the second and so on; after the last, nothing more is sent."""

_JITTER = 0.2
_MOST_ASKED_SECONDS = WAIT_SECONDS[-1]


def find_wait(num_failures: int, asked_seconds: float = 0.0, draw: Callable[[], float] = random.random) -> float | None:
    """Return the seconds until the next attempt; None if there is none.

    Args:
        num_failures: How many attempts have failed, at least one.
        asked_seconds: How long the receiver wants to be left alone.
        draw: Returns a number from 0 to 1: those that failed together do not come back together.
    """
    if num_failures > len(WAIT_SECONDS):
        return None
    wait = max(WAIT_SECONDS[num_failures - 1], min(asked_seconds, _MOST_ASKED_SECONDS))
    return wait * (1 + _JITTER * draw())


def read_retry_after(value: str | None, now: float) -> float:
    """Return the seconds that a header Retry-After asks for; 0 if it cannot be read."""
    if value is None:
        return 0.0
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now)


def show(moment: float) -> datetime:
    """Return a moment as UTC."""
    return datetime.fromtimestamp(moment, UTC)
