"""A job as the page and the API see it."""

from dataclasses import dataclass
from datetime import datetime

from app.jobs.clock import Clock
from app.jobs.entry import Entry
from app.records import ENDED, GpuCost, JobRequest, JobResult, Status
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
        wait_seconds: How long it waited before its run began; None where this server did not see it.
        run_seconds: How long its run took; None before its end, or where that is not known.
        num_live_clips: Clips that can be watched already.
        speech_seconds: Length of the voice that is used.
        request: What was asked for, to be used again.
        seed: That was asked for, or drawn; None where an older version took the job.
        result: What is known of the video; None unless it is done.
        notices: Warnings about photo and voice.
        error: Why it failed; None unless it did.
        cost: What its run took of a GPU, also where it failed; None where none was paid for.
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
    wait_seconds: float | None
    run_seconds: float | None
    num_live_clips: int
    speech_seconds: float
    request: JobRequest
    seed: int | None
    result: JobResult | None
    notices: tuple[Notice, ...]
    error: Notice | None
    cost: GpuCost | None

    @property
    def has_ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED


def read_job(entry: Entry, clock: Clock, position: int | None, eta_seconds: float | None) -> Job:
    """Return the job's state at this moment, with times by the computer's clock."""
    record = entry.record
    created_at = clock.show(record.created_at)
    assert created_at is not None
    return Job(
        id=record.id,
        status=record.status,
        profile=record.request.profile,
        model=record.model,
        created_at=created_at,
        started_at=clock.show(record.started_at),
        finished_at=clock.show(record.finished_at),
        expires_at=clock.show(record.expires_at),
        is_expired=record.erased or (record.expires_at is not None and record.expires_at <= clock.now()),
        progress=entry.progress,
        eta_seconds=eta_seconds,
        position=position,
        wait_seconds=_measure_wait(entry),
        run_seconds=record.run_seconds,
        num_live_clips=entry.num_live_clips,
        speech_seconds=record.speech_seconds,
        request=record.request,
        seed=record.request.seed if record.resolved is None else record.resolved.seed,
        result=record.result,
        notices=record.notices,
        error=record.error,
        cost=record.cost or (record.result.cost if record.result else None),
    )


def _measure_wait(entry: Entry) -> float | None:
    if entry.begun_at is None or entry.begun_at < entry.added_at:
        return None
    return entry.begun_at - entry.added_at
