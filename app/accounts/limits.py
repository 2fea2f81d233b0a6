"""What a key may do, and what is left of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class KeyLimits:
    """What a key may do; None sets no limit.

    Attributes:
        jobs_at_once: Jobs that wait or run, but for those that wait in a batch.
        jobs_per_hour: Jobs accepted in any 3,600 seconds.
        dollars_per_day: What they may cost in any 24 hours: what is likely, until it is known what they took.
    """

    jobs_at_once: int | None = None
    jobs_per_hour: int | None = None
    dollars_per_day: float | None = None


NO_LIMITS, NOTHING = KeyLimits(), KeyLimits(0, 0, 0.0)


@dataclass(frozen=True)
class Use:
    """What a key uses of its limits at the moment.

    Attributes:
        limits: Its limits.
        jobs_at_once: Jobs that wait or run.
        jobs_per_hour: Jobs accepted in the last hour.
        dollars_per_day: Spent or promised in the last 24 hours.
        hour_moves_in: Seconds until the oldest of the hour's jobs counts no longer.
    """

    limits: KeyLimits = NO_LIMITS
    jobs_at_once: int = 0
    jobs_per_hour: int = 0
    dollars_per_day: float = 0.0
    hour_moves_in: int = HOUR_SECONDS

    @property
    def remaining(self) -> KeyLimits:
        """What is left of each limit; None where there is none."""
        limits = self.limits
        dollars = limits.dollars_per_day
        return KeyLimits(
            _subtract(limits.jobs_at_once, self.jobs_at_once),
            _subtract(limits.jobs_per_hour, self.jobs_per_hour),
            None if dollars is None else max(0.0, dollars - self.dollars_per_day),
        )

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of an answer about jobs; none without a limit of jobs an hour.

        Source:
            draft-ietf-httpapi-ratelimit-headers-10.
        """
        limit, left = self.limits.jobs_per_hour, self.remaining.jobs_per_hour
        if limit is None or left is None:
            return {}
        return {
            "RateLimit-Policy": f'"jobs";q={limit};w={HOUR_SECONDS}',
            "RateLimit": f'"jobs";r={left};t={self.hour_moves_in}',
        }


@dataclass(frozen=True)
class Entry:
    """A job as it stands in the book.

    Attributes:
        job_id: Its id.
        profile: Of its video.
        dollars: What it is likely to cost; 0 where nobody pays for the run.
        reference: The client's own name for it.
        created_at: Seconds since the epoch.
    """

    job_id: str
    profile: str
    created_at: float
    dollars: float = 0.0
    reference: str | None = field(default=None, repr=False)


def name_turn(key_id: str) -> str:
    """Return the name under which a key waits for its turn."""
    return f"key {key_id}"


def _subtract(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)
