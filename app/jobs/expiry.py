"""When a job's files, and then the job, are forgotten."""

from datetime import datetime, timedelta
from typing import Literal

from app.records import JobRecord

Duty = Literal["forget", "erase", "delete live clips"]

TOMBSTONE = timedelta(days=7)
"""How long it is still known that there was a job whose files have been deleted."""

LIVE_CLIPS_KEPT = timedelta(minutes=1)
"""How long after the job's end someone may still be watching the clips."""


def find_duty(record: JobRecord, now: datetime) -> Duty | None:
    """Return what is to be done about a job at this moment."""
    if record.expires_at is None or record.finished_at is None:
        return None
    if now >= record.expires_at + TOMBSTONE:
        return "forget"
    if now >= record.expires_at:
        return None if record.erased else "erase"
    return "delete live clips" if now >= record.finished_at + LIVE_CLIPS_KEPT else None
