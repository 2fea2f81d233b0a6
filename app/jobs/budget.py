"""What videos may cost in a day: promised when a job is taken, settled when it ends, kept beside the jobs."""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.errors import BudgetError
from app.storage import write_whole

_DAY_SECONDS = 24 * 3600.0
_log = logging.getLogger(__name__)

Entry = tuple[float, float]
"""When it was promised, and the dollars."""


class Budget:
    """Keeps account of what was spent in the last 24 hours, and of what is promised."""

    def __init__(self, path: Path, dollars_per_day: float, clock: Callable[[], float] = time.time) -> None:
        """Read what an earlier server wrote down.

        Args:
            path: Of the account; one line of JSON.
            dollars_per_day: What may be spent in any 24 hours.
            clock: Seconds since the epoch.
        """
        self._path = path
        self._dollars_per_day = dollars_per_day
        self._clock = clock
        self._entries = _read(path)

    def reserve(self, job_id: str, dollars: float) -> None:
        """Promise the dollars to a job.

        Raises:
            BudgetError: That would be more than may be spent.
        """
        now = self._clock()
        self._forget_before(now - _DAY_SECONDS)
        spent = sum(dollars for _, dollars in self._entries.values())
        if spent + dollars > self._dollars_per_day:
            raise BudgetError(dollars, spent, self._dollars_per_day, self._find_wait(now, spent + dollars))
        self._entries[job_id] = (now, dollars)
        write_whole(self._path, json.dumps(self._entries))

    def settle(self, job_id: str, dollars: float) -> None:
        """Put what the job has cost in place of what was promised."""
        if job_id in self._entries:
            self._entries[job_id] = (self._entries[job_id][0], dollars)
            with suppress(OSError):  # a full disk ends no job; what was promised stays, which is more
                write_whole(self._path, json.dumps(self._entries))

    def _forget_before(self, moment: float) -> None:
        self._entries = {job_id: entry for job_id, entry in self._entries.items() if entry[0] > moment}

    def _find_wait(self, now: float, needed: float) -> int | None:
        """Return in how many seconds enough has become a day old; None where that never helps."""
        for moment, dollars in sorted(self._entries.values()):
            needed -= dollars
            if needed <= self._dollars_per_day:
                return max(1, round(moment + _DAY_SECONDS - now))
        return None


def _read(path: Path) -> dict[str, Entry]:
    try:
        found = json.loads(path.read_text())
        return {str(job_id): (float(moment), float(dollars)) for job_id, (moment, dollars) in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        _log.error("What was spent cannot be read from %s; the account begins anew.", path.name)
        return {}
