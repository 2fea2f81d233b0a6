"""From the rows of a batch to the jobs that they ask for: all are checked before one is taken."""

import asyncio
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from app.callers import Caller
from app.errors import AppError, BatchRowError, DecodingError, QueueFullError, UploadNotFoundError
from app.jobs import Draft, Filing, Jobs
from app.outbound import check_url
from app.schemas.bodies import Body, read_names, read_request
from app.uploads import Upload, UploadShelf
from pipeline.audio.part import check_part, choose_part
from pipeline.engines import get_engine_spec, get_profile
from pipeline.errors import PipelineError
from pipeline.image import check_model
from pipeline.profiles import Model, Resolution
from pipeline.request import VOICE_ROLES, Framing, Role, SpeakerRequest, VideoRequest

_LOOK_SECONDS = 20.0
"""How long photos are looked at while somebody waits for the answer; the others are when it is their turn."""
_LOOKS_AT_ONCE = 2
_ROWS_AT_A_TIME = 20
_KINDS: Mapping[str, frozenset[str]] = {"image": frozenset({"image"}), "audio": frozenset({"audio", "video"})}
_WANTED = {"image": "a photo", "audio": "a recording or a video with sound"}


@dataclass(frozen=True)
class Row:
    """A row that can be used, as far as its words and the lengths of its recordings tell."""

    number: int
    draft: Draft
    photo: Upload


@dataclass(frozen=True)
class _Look:
    """What a photo is looked at for."""

    photo: str
    framing: Framing
    resolution: Resolution
    model: Model


@dataclass
class RowReader:
    """Reads the rows of one caller.

    Attributes:
        jobs: Take the rows.
        shelf: Has their files.
        webhook_hosts: Where word of them may be sent besides the public Internet.
        seen: Photos that were looked at already, and can be used as they are to be.
    """

    jobs: Jobs
    shelf: UploadShelf
    webhook_hosts: Collection[str] = ()
    seen: dict[_Look, None] = field(default_factory=dict)

    async def read(self, rows: Sequence[Body], batch_id: str, caller: Caller) -> list[Row]:
        """Return what the rows ask for, and keep their uploads longer.

        Raises:
            BatchRowError: One of them cannot be used.
        """
        uploads: dict[str, Upload] = {}
        read = []
        for number, row in enumerate(rows):
            read.append(self._read_row(number, row, batch_id, caller, uploads))
            if number % _ROWS_AT_A_TIME == 0:
                await asyncio.sleep(0)  # others have their turn
        await asyncio.to_thread(self.shelf.renew, uploads.values())
        return read

    async def look(self, rows: Sequence[Row], caller: Caller) -> int:
        """Look at the photos of the rows, each way of framing one once.

        Returns:
            How many ways there was no time for.

        Raises:
            BatchRowError: A photo cannot be used.
        """
        wanted: dict[_Look, Row] = {}
        for row in rows:
            profile = get_profile(row.draft.request.profile)
            look = _Look(row.photo.id, row.draft.request.framing, profile.resolution, profile.model)
            if look not in self.seen:
                wanted.setdefault(look, row)
        ends_at = time.monotonic() + _LOOK_SECONDS
        left, looked = iter(wanted.items()), set[_Look]()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._look_at(left, looked, caller, ends_at)) for _ in range(_LOOKS_AT_ONCE)]
        refused = sorted((task.result() for task in tasks if task.result()), key=lambda error: error.number)
        if refused:
            raise refused[0]
        return len(wanted) - len(looked)

    async def _look_at(
        self, left: Iterator[tuple[_Look, Row]], looked: set[_Look], caller: Caller, ends_at: float
    ) -> Any:  # noqa: ANN401
        while time.monotonic() < ends_at and (found := next(left, None)) is not None:
            look, row = found
            try:
                photo = self.shelf.path(row.photo)
                portrait = await self.jobs.media.frame_photo(photo, look.framing, look.resolution, caller.turn)
                check_model(portrait.notices, get_engine_spec(look.model).refused_notices)
            except PipelineError as error:
                return BatchRowError(row.number, error)
            except (QueueFullError, DecodingError):  # whoever waits for a turn waits for others' photos, not this one
                return None
            self._remember(look)
            looked.add(look)
        return None

    def _remember(self, look: _Look) -> None:
        if len(self.seen) >= 10_000:
            self.seen.clear()
        self.seen[look] = None

    def _read_row(self, number: int, row: Body, batch_id: str, caller: Caller, uploads: dict[str, Upload]) -> Row:
        try:
            files, speakers = self._find_files(row, caller, uploads)
            request = read_request(row.model_copy(update={"speakers": speakers}), VideoRequest)
            if "image" not in files:
                raise MissingFileError("image_id")
            if "audio" not in files and not speakers:
                raise MissingFileError("audio_id")
            seconds = _measure(request, files)
            filing = Filing(owner=caller.key_id, batch_id=batch_id, **read_names(row))
            if filing.callback_url:
                check_url(filing.callback_url, self.webhook_hosts, "callback_url")
            inputs = {role: self.shelf.path(upload) for role, upload in files.items()}
            draft = Draft(request, inputs, seconds, filing)
            self.jobs.check_draft(draft)
        except (AppError, PipelineError) as error:
            raise BatchRowError(number, error) from None
        return Row(number, draft, files["image"])

    def _find_files(
        self,
        row: Any,  # noqa: ANN401 - a model that is made from the options
        caller: Caller,
        uploads: dict[str, Upload],
    ) -> tuple[dict[Role, Upload], tuple[SpeakerRequest, ...]]:
        named: dict[Role, tuple[str, str]] = {}
        if row.image_id is not None:
            named["image"] = ("image", row.image_id)
        if row.audio_id is not None:
            named["audio"] = ("audio", row.audio_id)
        speakers = []
        for place, one in enumerate(row.speakers):
            role = None if one.audio_id is None else VOICE_ROLES[place]
            if role is not None:
                named[role] = ("audio", one.audio_id)
            speakers.append(SpeakerRequest(one.face, role))
        files = {role: self._find(kind, upload_id, caller, uploads) for role, (kind, upload_id) in named.items()}
        return files, tuple(speakers)

    def _find(self, kind: str, upload_id: str, caller: Caller, uploads: dict[str, Upload]) -> Upload:
        try:
            upload = uploads.get(upload_id) or self.shelf.find(upload_id, caller)
        except UploadNotFoundError as error:
            raise WrongFileError(f"{kind}_id", str(error)) from None
        uploads[upload_id] = upload
        if upload.kind not in _KINDS[kind]:
            raise WrongFileError(f"{kind}_id", f"Expected {_WANTED[kind]}, but this upload is of kind {upload.kind}.")
        return upload


class WrongFileError(AppError):
    """A row names a file that it cannot use."""

    def __init__(self, name: str, reason: str) -> None:
        self.field = name
        super().__init__(reason)


class MissingFileError(WrongFileError):
    """A row names no photo, or no voice."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "It is missing, but required.")


def _measure(request: VideoRequest, files: Mapping[Role, Upload]) -> float:
    """Return the seconds of speech that a row's recordings give, before they are read."""
    voices = [upload.seconds or 0.0 for role, upload in files.items() if role != "image"]
    total = sum(voices) if request.order == "in_turn" else max(voices, default=0.0)
    part = choose_part(request.start_sec, request.max_duration_sec)
    seconds = min(Fraction(total) - part.start_seconds, part.max_seconds)
    if voices:
        check_part(part, Fraction(seconds), Fraction(total))
    return float(seconds)
