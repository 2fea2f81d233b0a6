"""A job: as the server has it in memory, and as the page and the API see it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from app.jobs.clock import Clock
from app.records import ENDED, Consent, GpuCost, JobRecord, JobResult, Status
from app.reports.book import Standing
from pipeline.notices import Notice
from pipeline.profiles import Model
from pipeline.request import Inputs, VideoRequest
from pipeline.types import Progress


@dataclass(frozen=True)
class Filing:
    """Whose a job is, and under which name: kept with the job, and of no interest to what makes the video.

    Attributes:
        owner: Id of the key that it belongs to; None without one.
        batch_id: The batch that it is part of.
        reference: The client's own name for it.
        callback_url: Where to send word of its end.
    """

    owner: str | None = None
    batch_id: str | None = None
    reference: str | None = None
    callback_url: str | None = None


UNFILED = Filing()


@dataclass(frozen=True)
class Draft:
    """A job of a batch before it is taken.

    Attributes:
        request: What is asked for.
        inputs: The files that the video is made of, which are linked.
        speech_seconds: Length of the speech, as far as the recordings tell.
        filing: Whose it is, and its name.
    """

    request: VideoRequest
    inputs: Inputs
    speech_seconds: float
    filing: Filing


@dataclass(eq=False)
class JobState:
    """A job in memory.

    Attributes:
        client: Who asked for it; after a restart of the server the key, or "" without one, since addresses are not
            written to disk.
        added_at: When it joined the queue, on the steady clock.
        is_persisted: Whether the record on disk is the same as this one.
        begun_at: When its run started, on the steady clock; None if it has not.
        standing: How its video stood when that was last looked up, a few seconds ago at most: anybody may ask for
            the troubles, and to look up all jobs' takes the disk's time.
        changed: Set at the next change of the job.
    """

    record: JobRecord
    client: str = ""
    added_at: float = 0.0
    is_persisted: bool = True
    begun_at: float | None = None
    progress: Progress | None = None
    num_live_segments: int = 0
    handle: str | None = None
    is_cancelled: bool = False
    standing: Standing | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def notify(self) -> None:
        """Wake everyone who follows the job."""
        notified, self.changed = self.changed, asyncio.Event()
        notified.set()

    def rewind(self) -> None:
        """Forget its run, which has to start again."""
        self.progress = self.handle = self.begun_at = None
        self.num_live_segments = 0


@dataclass(frozen=True)
class Job:
    """The state of a job at one moment.

    Attributes:
        id: Cannot be guessed; whoever has it may watch the video and delete it.
        status: queued, running, done, failed or cancelled.
        profile: Name of the profile.
        model: The profile's model.
        created_at: When it was submitted (all times are UTC).
        started_at: When its run started; None while it is queued.
        finished_at: When it ended; None before.
        expires_at: When its files will be deleted; None before it has ended.
        is_expired: Its files have been deleted.
        is_hidden: Somebody has reported its video, and nobody may see it.
        progress: How far the run is; None before it has started.
        eta_seconds: When it is likely to be done; None if it has ended.
        position: Place in the queue, 1 is next; None unless it is queued.
        wait_seconds: How long it was queued before its run started; None if this server did not see it.
        run_seconds: How long its run took; None before its end, or if unknown.
        num_live_segments: How many segments can be watched already.
        speech_seconds: Length of the speech that is used.
        filing: Whose it is, and its name.
        request: What was asked for, so that it can be reused.
        consent: That face and voice may be used; None where nobody has said it.
        seed: The one asked for, or else drawn; None if an older version accepted the job.
        result: Facts about the video; None unless it is done.
        notices: Warnings about the photo and the voice.
        error: Why it failed; None unless it did.
        cost: The GPU time of its run, even if it failed; None if none has to be paid for.
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
    is_hidden: bool
    progress: Progress | None
    eta_seconds: float | None
    position: int | None
    wait_seconds: float | None
    run_seconds: float | None
    num_live_segments: int
    speech_seconds: float
    filing: Filing
    request: VideoRequest
    consent: Consent | None
    seed: int | None
    result: JobResult | None
    notices: tuple[Notice, ...]
    error: Notice | None
    cost: GpuCost | None

    @property
    def has_ended(self) -> bool:
        """Whether it is done, failed or cancelled, and will not change any more."""
        return self.status in ENDED


@dataclass(frozen=True)
class Glimpse:
    """What there is to say of a job without looking at the queue or the disk.

    Attributes:
        id: As a job's.
        status: As a job's.
        percent: How far its run is; 100 once it has ended.
        reference: The client's own name for it.
    """

    id: str
    status: Status
    percent: float
    reference: str | None

    @property
    def has_ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED


def glimpse(state: JobState) -> Glimpse:
    """Return a job as it is now, at a glance: a batch has a thousand."""
    record, progress = state.record, state.progress
    percent = 100.0 if record.status in ENDED else progress.percent if progress else 0.0
    return Glimpse(record.id, record.status, percent, record.reference)


def is_expired(record: JobRecord, now: datetime) -> bool:
    """Whether the job's files have been deleted, or are about to be."""
    return record.erased or (record.expires_at is not None and record.expires_at <= now)


def read_job(
    state: JobState,
    clock: Clock,
    position: int | None,
    eta_seconds: float | None,
    standing: Standing | None = None,
) -> Job:
    """Return the job as it is now, with times on the computer's clock."""
    record = state.record
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
        is_expired=is_expired(record, clock.now()) or standing == "removed",
        is_hidden=standing == "reported",
        progress=state.progress,
        eta_seconds=eta_seconds,
        position=position,
        wait_seconds=_measure_wait(state),
        run_seconds=record.run_seconds,
        num_live_segments=state.num_live_segments,
        speech_seconds=record.speech_seconds,
        filing=Filing(record.owner, record.batch_id, record.reference, record.callback_url),
        request=record.request,
        consent=_show_consent(record.consent, clock),
        seed=record.request.seed if record.resolved is None else record.resolved.seed,
        result=record.result,
        notices=record.notices,
        error=record.error,
        cost=record.cost or (record.result.cost if record.result else None),
    )


def _show_consent(consent: Consent | None, clock: Clock) -> Consent | None:
    return consent and consent.model_copy(update={"given_at": clock.show(consent.given_at)})


def _measure_wait(state: JobState) -> float | None:
    if state.begun_at is None or state.begun_at < state.added_at:
        return None
    return state.begun_at - state.added_at
