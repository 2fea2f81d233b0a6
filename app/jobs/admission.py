"""From a request to the record of a job: whether it can be made here, whether there is room and money for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.accounts.ledger import Ledger
from app.accounts.limits import Entry
from app.jobs.budget import PriceGuard
from app.jobs.checks import MediaChecks, Places
from app.jobs.clock import Clock
from app.jobs.forecast import Forecaster
from app.jobs.job import Draft, Filing, JobState
from app.jobs.queue import JobQueue
from app.jobs.runners.local import LocalRunner
from app.records import ENDED, JobRecord
from app.settings import Settings
from app.storage import JobFolder, JobStore, explain_full_disk
from app.trust.marker import Marker
from pipeline.casting import check_speakers
from pipeline.errors import EngineUnavailableError, InputError
from pipeline.profiles import Model, Profile
from pipeline.request import Inputs, VideoRequest
from pipeline.sampling import check_options, find_profile

_OWN_WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Admission:
    """Decides about jobs before they are in a queue, whichever way they come.

    Attributes:
        settings: Of the app.
        store: The data folder.
        clock: Keeps the time of the records.
        queues: Of the runners; the first one's runs are on this machine, and cost nothing.
        local_runner: Of the first queue.
        media: Opens photos and recordings.
        marker: Chooses what videos are marked with.
        forecaster: Predicts times.
        prices: Knows what runs cost, and what they may.
        places: In the queues.
        ledger: Has what keys may do.
    """

    settings: Settings
    store: JobStore
    clock: Clock
    queues: Sequence[JobQueue]
    local_runner: LocalRunner
    media: MediaChecks
    marker: Marker
    forecaster: Forecaster
    prices: PriceGuard
    places: Places
    ledger: Ledger

    def find_queue(self, model: Model) -> JobQueue:
        """Return the queue of the runner that runs a model."""
        return next(queue for queue in reversed(self.queues) if queue.runner.serves(model))

    def is_own(self, model: Model) -> bool:
        """Whether a model runs on this machine, where nobody pays for it."""
        return self.find_queue(model) is self.queues[0]

    def check_request(self, request: VideoRequest) -> Profile:
        """Return the profile of a request that can be run here.

        Raises:
            InputError: It cannot be used.
            EngineUnavailableError: Its profile cannot run here.
        """
        profile = find_profile(request)
        if self.settings.consent == "required" and not request.consent:
            raise InputError("consent.missing", "consent")
        availability = self.find_queue(profile.model).runner.availability(profile)
        if not availability.available:
            raise EngineUnavailableError(availability.reason)
        return profile

    def check_room(self, client: str, owner: str | None) -> None:
        """Check whether a job could wait; raises `QueueFullError` or `LimitError` if it could not."""
        self.places.check(client)
        self.ledger.check(owner, wait_seconds=self._find_own_wait(owner))

    def check_draft(self, draft: Draft) -> None:
        """Check all of a job of a batch but what its photo and voice show; raises as `admit` does."""
        profile = self.check_request(draft.request)
        check_options(draft.request)
        check_speakers(draft.request, draft.inputs)
        if not self.is_own(profile.model):
            self.prices.check_possible(draft.request, draft.speech_seconds)

    async def admit(
        self, request: VideoRequest, inputs: Inputs, client: str, filing: Filing, *, job_id: str
    ) -> JobRecord:
        """Reserve what a job needs, copy its files, and write its record; raises as `Jobs.submit` does."""
        profile = self.check_request(request)
        with self.places.hold(client), explain_full_disk(), self._book(job_id, profile, filing):
            await self._warm_up(profile)
            _, folder = self.store.create(job_id)
            try:
                return await self._accept(request, inputs, folder, client, filing)
            except BaseException:
                self.store.delete(job_id)
                self.prices.release(job_id)
                raise

    async def check_held(self, state: JobState, folder: JobFolder) -> JobRecord:
        """Do for a job of a batch what `admit` does for others; what it reserves in the ledger is reserved already."""
        profile = self.check_request(state.record.request)
        is_paid = not self.is_own(profile.model)
        with self.places.hold(state.client), explain_full_disk():
            if is_paid:
                self.prices.check(state.record)  # first: what there is no money for yet is looked at once, not all day
            try:
                await self._warm_up(profile)
                watermark = await self.marker.choose(state.record.id)
                record = await self.media.check_held(state.record, folder, state.client, watermark=watermark)
                if state.record.status in ENDED:  # it was cancelled
                    self.prices.release(record.id)
                    return record
                if is_paid:
                    self.prices.check(record)  # with the length that was heard
                await self.persist(folder)
            except BaseException:
                self.prices.release(state.record.id)
                raise
        return record

    def predict_price(self, record: JobRecord) -> float:
        """Return the dollars that a job is likely to cost; 0 where nobody pays for the run."""
        return 0.0 if self.is_own(record.model) else self.prices.predict(record)

    def read_seconds(self) -> float:
        """Return the seconds since the epoch, as the records have them."""
        return self.clock.now().timestamp()

    async def persist(self, folder: JobFolder) -> None:
        """Have a folder kept where the next server finds it."""
        await self.queues[-1].runner.persist(folder)

    async def _warm_up(self, profile: Profile) -> None:
        if self.is_own(profile.model):
            await self.local_runner.warm_up()

    async def _accept(
        self, request: VideoRequest, inputs: Inputs, folder: JobFolder, client: str, filing: Filing
    ) -> JobRecord:
        watermark = await self.marker.choose(folder.path.name)
        record = await self.media.accept(request, inputs, folder, client, watermark=watermark, filing=filing)
        if not self.is_own(record.model):
            self.prices.check(record)
            self.ledger.price(filing.owner, record.id, self.prices.predict(record))
        await self.persist(folder)
        return record

    @contextmanager
    def _book(self, job_id: str, profile: Profile, filing: Filing) -> Iterator[None]:
        """Reserve a job before its files are opened, and give its place back if it is not accepted."""
        entry = Entry(job_id, profile.name, self.read_seconds(), reference=filing.reference)
        self.ledger.reserve(filing.owner, [entry], self._find_own_wait(filing.owner))
        try:
            yield
        except BaseException:
            self.ledger.drop(job_id)
            raise

    def _find_own_wait(self, owner: str | None) -> int:
        """Return the seconds until one of the owner's jobs is likely to have ended."""
        own = (state for queue in self.queues for state in queue.begun if state.record.owner == owner)
        return max(1, round(min(map(self.forecaster.predict_run, own), default=_OWN_WAIT_SECONDS)))
