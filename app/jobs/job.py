"""A job as the page and the API see it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.jobs.entry import Entry
from app.records import ENDED, JobRequest, JobResult, Status
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.types import Progress


@dataclass(frozen=True)
class Job:
    """The state of a job at one moment.

    Attributes:
        id: Cannot be guessed; whoever has it may see the video and delete it.
        status: queued, running, done, failed or cancelled.
        profile: Name of the profile.
        model: Of that profile.
        created_at: When it was submitted (all times are UTC).
        started_at: When its run began; None while it waits.
        finished_at: When it ended; None before.
        expires_at: When its files will be deleted; None before it has ended.
        is_expired: Its files have been deleted.
        progress: How far the run is; None before it has begun.
        eta_seconds: When it is likely to be done; None where nothing was measured yet, or it has ended.
        position: Place in the queue, 1 is next; None unless it is queued.
        num_live_clips: Clips that can be watched already.
        speech_seconds: Length of the voice that is used.
        request: What was asked for, to be used again.
        result: What is known of the video; None unless it is done.
        notices: Warnings about photo and voice.
        error: Why it failed; None unless it did.
    """

    id: str
    status: Status
    profile: str
    model: Model
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    is_expired: bool
    progress: Progress | None
    eta_seconds: float | None
    position: int | None
    num_live_clips: int
    speech_seconds: float
    request: JobRequest
    result: JobResult | None
    notices: tuple[Notice, ...]
    error: Notice | None

    @property
    def has_ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED


def read_job(entry: Entry, position: int | None, eta_seconds: float | None) -> Job:
    """Return the job's state at this moment."""
    record = entry.record
    return Job(
        id=record.id,
        status=record.status,
        profile=record.request.profile,
        model=record.model,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
        expires_at=record.expires_at,
        is_expired=record.erased or (record.expires_at is not None and record.expires_at <= datetime.now(UTC)),
        progress=entry.progress,
        eta_seconds=eta_seconds,
        position=position,
        num_live_clips=entry.num_live_clips,
        speech_seconds=record.speech_seconds,
        request=record.request,
        result=record.result,
        notices=record.notices,
        error=record.error,
    )
