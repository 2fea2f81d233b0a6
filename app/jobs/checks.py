"""The checks of a request before it becomes a job: is there a place for it, and can its photo and voice be used?"""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from app.decoding import Decoders, DecoderSettings, FoundWatermark, HeardVoice, IdentifiedFile
from app.errors import DecodingError, QueueFullError
from app.jobs.clock import Clock
from app.jobs.fair_queue import FairSemaphore, may_take
from app.jobs.forecast import Forecaster
from app.jobs.job import UNFILED, Filing
from app.jobs.queue import JobQueue
from app.records import CONSENT_WORDING, INPUT_NAMES, Consent, JobRecord
from app.settings import MEGABYTE, Settings, read_trust_list
from app.storage import JobFolder
from pipeline.casting import check_speakers, find_field
from pipeline.credentials import Credentials, Known
from pipeline.engines import get_profile
from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular
from pipeline.notices import Field
from pipeline.profiles import Resolution
from pipeline.request import Framing, Inputs, Turn, VideoRequest
from pipeline.sampling import choose_seed
from pipeline.types import Portrait
from pipeline.version import VERSION

_CHECKS_AT_ONCE = 2
_CHECKS_WAITING = 100
_VERIFY_NICENESS, _VERIFY_WAITING = 5, 20


class Places:
    """The places in all queues together. A job that is being submitted holds one already.

    Args:
        queues: Have the jobs that are waiting.
        num_places: How many jobs may wait.
        forecaster: Predicts when a place will be free.
    """

    def __init__(self, queues: Sequence[JobQueue], num_places: int, forecaster: Forecaster) -> None:
        self._queues = queues
        self._num_places = num_places
        self._forecaster = forecaster
        self._submitting: Counter[str] = Counter()

    @property
    def is_full(self) -> bool:
        """Whether no more jobs can wait, whoever asks."""
        return self._num_waiting >= self._num_places

    @property
    def _num_waiting(self) -> int:
        return sum(queue.num_waiting for queue in self._queues) + self._submitting.total()

    def check(self, client: str) -> None:
        """Check that the client may have one more place.

        Raises:
            QueueFullError: There is none, or the client has its share.
        """
        num_waiting = self._num_waiting
        num_own = sum(queue.count(client) for queue in self._queues) + self._submitting[client]
        if not may_take(num_own, num_waiting, self._num_places):
            is_share = num_waiting < self._num_places
            raise QueueFullError(num_own if is_share else num_waiting, self._find_wait(), is_share=is_share)

    @contextmanager
    def hold(self, client: str) -> Iterator[None]:
        """Count a job that is being submitted, so that no other takes its place."""
        self._submitting[client] += 1
        try:
            yield
        finally:
            self._submitting -= Counter((client,))

    def _find_wait(self) -> int:
        """Return the seconds until a place is likely to be free."""
        running = [state for queue in self._queues for state in queue.begun]
        return max(1, round(min(map(self._forecaster.predict_run, running), default=1.0)))


class MediaChecks:
    """Reads uploaded photos and recordings: a few at a time, in decoders, and clients take turns.

    Every method raises `QueueFullError` if too many uploads are waiting already, and `DecodingError` if nothing can be
    read at the moment.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        """Prepare the checks; no decoder is started yet.

        Args:
            settings: Of the app.
            clock: Keeps the time of the records.
        """
        self._settings = settings
        self._clock = clock
        decoder = DecoderSettings(server_pid=os.getpid(), log_level=settings.log_level, log_format=settings.log_format)
        self._decoders = Decoders(decoder)
        self._turns = FairSemaphore(_CHECKS_AT_ONCE, _CHECKS_WAITING)
        # Anyone may have a file verified, without the password: those who make videos do not wait for it, and what has
        # opened a stranger's file never opens theirs.
        self._verifiers = Decoders(decoder.model_copy(update={"niceness": _VERIFY_NICENESS}))
        self._verifying = FairSemaphore(1, _VERIFY_WAITING)
        self._trust_list = read_trust_list(settings)

    async def accept(
        self,
        request: VideoRequest,
        inputs: Inputs,
        folder: JobFolder,
        client: str,
        *,
        watermark: str | None = None,
        filing: Filing = UNFILED,
    ) -> JobRecord:
        """Check a request when it is the client's turn; see `accept`."""
        async with self._turns.acquire(client):
            return await accept(
                request,
                inputs,
                folder,
                self._clock.now(),
                settings=self._settings,
                decoders=self._decoders,
                watermark=watermark,
                filing=filing,
            )

    async def check_held(
        self, record: JobRecord, folder: JobFolder, client: str, *, watermark: str | None = None
    ) -> JobRecord:
        """Check what a job of a batch is made of when it is the client's turn, as `accept` does for other jobs."""
        inputs = {role: folder.path / name for role, name in record.inputs.items()}
        async with self._turns.acquire(client):
            found = await _check(record.request, inputs, folder, self._decoders)
        return record.model_copy(update=found | {"held": False, "watermark": watermark})

    async def convert_photo(self, photo: Path, quarter_turns: int = 0, client: str = "") -> bytes:
        """Return a photo as an upright JPEG.

        Raises:
            InputError: The photo cannot be used.
        """
        async with self._turns.acquire(client):
            return await self._decoders.convert(photo, quarter_turns)

    async def frame_photo(self, photo: Path, framing: Framing, resolution: Resolution, client: str = "") -> Portrait:
        """Crop a photo exactly as a job would.

        Raises:
            InputError: The photo cannot be used.
        """
        async with self._turns.acquire(client):
            return await self._decoders.frame(photo, framing, resolution)

    async def hear_voice(self, recording: Path, client: str = "") -> HeardVoice:
        """Listen to a recording.

        Raises:
            InputError: The recording cannot be used.
        """
        async with self._turns.acquire(client):
            return await self._decoders.listen(recording)

    async def identify(self, file: Path, client: str = "") -> IdentifiedFile:
        """Find out whether a file is a photo, a recording or a video.

        Raises:
            InputError: It is none of them, or cannot be used.
        """
        async with self._turns.acquire(client):
            return await self._decoders.identify(file)

    async def find_turns(self, recording: Path, num_speakers: int | None, client: str = "") -> tuple[Turn, ...]:
        """Find who speaks when in a recording.

        Raises:
            InputError: The recording cannot be used.
        """
        async with self._turns.acquire(client):
            return await self._decoders.find_turns(recording, num_speakers)

    async def extract_sound(self, recording: Path, target: Path, total_seconds: float, client: str = "") -> None:
        """Write the sound of a recording as WAV, which every browser plays.

        Raises:
            InputError: The recording cannot be used.
        """
        async with self._turns.acquire(client):
            await self._decoders.extract(recording, target, total_seconds)

    async def verify(self, file: Path, known: Known, client: str = "") -> tuple[Credentials | None, FoundWatermark]:
        """Find out what a picture or a video says of how it was made.

        Raises:
            InputError: It takes too much to find out.
        """
        async with self._verifying.acquire(client):
            credentials = await self._verifiers.read_credentials(file, known, self._trust_list)
            return credentials, await self._verifiers.read_watermark(file)

    async def close(self) -> None:
        """End the decoders."""
        await asyncio.gather(self._decoders.close(), self._verifiers.close())


async def accept(
    request: VideoRequest,
    inputs: Inputs,
    folder: JobFolder,
    now: datetime,
    *,
    settings: Settings,
    decoders: Decoders,
    watermark: str | None = None,
    filing: Filing = UNFILED,
) -> JobRecord:
    """Copy the request's files into the job's folder, have the scene made that will run, and write the record.

    Raises:
        InputError: Something cannot be used; a file may be larger than the settings allow.
        DecodingError: The files cannot be read at the moment.
    """
    check_speakers(request, inputs)
    names = {role: INPUT_NAMES[role] for role in inputs}
    copies = {role: folder.path / name for role, name in names.items()}
    left = settings.max_voice_bytes
    for role, copy in copies.items():
        limit = settings.max_photo_bytes if role == "image" else left
        num_bytes = await asyncio.to_thread(_copy, inputs[role], copy, find_field(role), limit)
        left -= 0 if role == "image" else num_bytes
    found = await _check(request, copies, folder, decoders)
    record = JobRecord(
        id=folder.path.name,
        model=get_profile(request.profile).model,
        version=VERSION,
        request=request,
        inputs=names,
        created_at=now,
        consent=give_consent(request, now),
        watermark=watermark,
        owner=filing.owner,
        batch_id=filing.batch_id,
        reference=filing.reference,
        callback_url=filing.callback_url,
        **found,
    )
    await asyncio.to_thread(folder.write, record)
    return record


def give_consent(request: VideoRequest, now: datetime) -> Consent | None:
    """Return the consent that a request gives."""
    return Consent(given_at=now, wording=CONSENT_WORDING) if request.consent else None


async def _check(request: VideoRequest, inputs: Inputs, folder: JobFolder, decoders: Decoders) -> dict[str, Any]:
    """Have the scene made that will run, and return what the record says of it."""
    seed = choose_seed(request.seed)
    checked = await decoders.check(replace(request, seed=seed), inputs, folder.scene)
    if not folder.scene.is_file():  # the run would open the photo of whoever made the decoder say so
        raise DecodingError
    return {
        "resolved": checked.resolved.model_copy(update={"seed": seed}),
        "speech_seconds": checked.speech_seconds,
        "notices": checked.notices,
    }


def _copy(source: Path, target: Path, about: Field, limit: int) -> int:
    """Copy a file and return its bytes, which may be so many."""
    try:
        file = open_regular(source, follow=False)
    except OSError:
        raise InputError("request.file_gone", about) from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise InputTooLargeError(
                "request.large_file", about, megabytes=round(size / MEGABYTE, 1), limit=round(limit / MEGABYTE, 1)
            )
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    return size
