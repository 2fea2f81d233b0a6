"""The record that is kept of a job, besides its files."""

from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from pipeline.engines import ENGINES, PROFILES
from pipeline.notices import Notice, Value
from pipeline.profiles import Model
from pipeline.request import VOICE_ROLES, Inputs, Role, VideoRequest

Status = Literal["queued", "running", "done", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
INPUT_NAMES: dict[Role, str] = {
    "image": "photo",
    "audio": "voice",
    **{role: f"voice_{number}" for number, role in enumerate(VOICE_ROLES)},
}
"""What a job's files are called in its folder."""
ONE_VOICE: dict[Role, str] = {"image": INPUT_NAMES["image"], "audio": INPUT_NAMES["audio"]}
"""The files of a job whose record does not name them."""


def list_voices(inputs: Inputs) -> tuple[Path, ...]:
    """Return the recordings among the files, in the order of their speakers."""
    return tuple(inputs[role] for role in INPUT_NAMES if role in inputs and role != "image")


MOST_CHARACTERS = 200
"""Of a client's own name for a job."""
ENDED: frozenset[Status] = frozenset({"done", "failed", "cancelled"})

SCHEMA_VERSION = 4
"""Version of the records that are written. It is raised only if an older app, which ignores unknown fields, would
misunderstand a record; records of a newer version are not read. Version 1 lacks the field itself; everything that
version 2 adds is optional. Version 3 spells the request as the API does; the rest of what it adds is optional.
Version 4 has several speakers, all but one of whom an older app would leave out."""


CONSENT_WORDING = 1
"""Version of the sentence that is agreed to, in all languages alike; docs/trust.md has them all. It is raised where the
sentence means something else."""


class Frozen(BaseModel):
    """An immutable value that is stored or sent as JSON."""

    model_config = ConfigDict(frozen=True)


class Stored(Frozen):
    """A value on disk. Fields that a newer app wrote are preserved; NaN and infinity are not numbers."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    @property
    def known(self) -> dict[str, Any]:
        """The fields that this version knows."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class GpuCost(Stored):
    """The cost of a run on GPUs that are paid for by the second.

    Attributes:
        gpu: Name of the GPU.
        seconds: How long the run had it.
        dollars: What that costs; None if the price is unknown.
        count: How many GPUs the run had.
    """

    gpu: str
    seconds: float
    dollars: float | None
    count: int = 1


class SpokenTime(Stored):
    """How long somebody speaks in a video.

    Attributes:
        face: Number of the face.
        seconds: How long.
    """

    face: int
    seconds: float


class Consent(Stored):
    """That whoever asked for a video may use face and voice, and will say what made it. Nobody is named.

    Attributes:
        given_at: When it was said, which is when the video was asked for.
        wording: Version of the sentence.
    """

    given_at: AwareDatetime
    wording: int


class JobResult(Stored):
    """Facts about a finished video.

    Attributes:
        num_frames: Number of frames.
        speech_seconds: Length of the speech.
        compute_seconds: How long it took to make.
        width: In pixels.
        height: In pixels.
        frame_rate: Frames per second.
        seed: The seed that was used.
        timings: Seconds that each stage took.
        notices: Warnings about the photo and the voice.
        cost: Of the GPU; None if none had to be paid for.
        speakers: Who speaks how long; none where an app before version 4 made the video.
        content_credentials: Whether video and poster are signed.
        watermark: Whether the video has a mark that is not seen.
    """

    num_frames: int
    speech_seconds: float
    compute_seconds: float
    width: int
    height: int
    frame_rate: int
    seed: int
    timings: dict[str, Value] = {}
    notices: tuple[Notice, ...] = ()
    cost: GpuCost | None = None
    speakers: tuple[SpokenTime, ...] = ()
    content_credentials: bool = False
    watermark: bool = False


class Resolved(Stored):
    """What was decided when the job was submitted, so that each of its runs makes the same video.

    All but the seed are None where an app before version 3 took the job.

    Attributes:
        seed: The one that was asked for, or else drawn.
        seconds: Length of the speech that is used.
        width: Of the video, in pixels.
        height: Of the video, in pixels.
        num_inference_steps: Those asked for, or else the profile's.
        guidance_scale: Likewise.
        audio_guidance_scale: Likewise.
        options: What else the profile told its engine.
    """

    seed: int
    seconds: float | None = None
    width: int | None = None
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    audio_guidance_scale: float | None = None
    options: dict[str, Any] | None = None


def _check_profile(request: VideoRequest) -> VideoRequest:
    if request.profile not in PROFILES:
        raise ValueError("There is no such profile.")
    return request


def _check_model(model: Model) -> Model:
    if model not in {spec.name for spec in ENGINES}:
        raise ValueError("There is no such model.")
    return model


_OLDER_WORDS = {"start_seconds": "start_sec", "max_duration_seconds": "max_duration_sec"}


def _read_older(request: Any) -> Any:  # noqa: ANN401 - whatever the file has
    """Spell a request as the API does; before version 3, records had words of their own."""
    if not isinstance(request, dict):
        return request
    known = {_OLDER_WORDS.get(name, name): value for name, value in request.items()}
    framing = known.pop("framing", None)
    if not isinstance(framing, dict):
        return known
    crop = {name: framing[name] for name in ("zoom", "shift_x", "shift_y") if name in framing}
    frame = {name: framing[name] for name in ("aspect", "face") if name in framing}
    return known | frame | {"crop": crop}


StoredRequest = Annotated[
    VideoRequest,
    BeforeValidator(_read_older),
    AfterValidator(_check_profile),
    PlainSerializer(vars, return_type=dict[str, Any]),  # with the options that a newer app wrote
]


_FileName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
"""Of a file in the job's own folder, from which it is deleted."""


class JobRecord(Stored):
    """The record of a job.

    Attributes:
        schema_version: That it is written with: an older record that was read is from then on one of this version.
        version: Of the app that accepted the job; empty before schema version 3.
        owner: Id of the key that the job was submitted with; None without one.
        batch_id: The batch that the job belongs to; None if it stands alone.
        reference: The client's own name for the job.
        callback_url: Where to send word of the job's end; None: nowhere.
        consent: None where nobody has said it.
        inputs: Names of the files in the job's folder, by their role.
        resolved: None if the job was accepted by an app that writes version 1.
        attempts: How often its run was started.
        losses: How often its run was lost while the server went on.
        num_clips: How many finished clips there were when `attempts` and `losses` were last counted anew.
        handle: The run's handle at a durable runner.
        speech_seconds: Length of the speech.
        run_seconds: How long its run took, on a monotonic clock; None before its end, or if unknown.
        cost: Of its run, even if it failed; None if nothing has to be paid for.
        erased: Its files and its request have been deleted.
        held: It waits in its batch: it is not in the queue yet, and what it is made of is not checked.
        watermark: What the mark in its video says (`pipeline.watermark.Payload.text`); None for a video without.
    """

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION), AfterValidator(lambda _: SCHEMA_VERSION)] = (
        SCHEMA_VERSION
    )
    id: str
    status: Status = "queued"
    model: Annotated[Model, AfterValidator(_check_model)]
    version: str = ""
    owner: str | None = None
    batch_id: str | None = None
    reference: str | None = None
    callback_url: str | None = None
    consent: Consent | None = None
    request: StoredRequest
    inputs: dict[Role, _FileName] = ONE_VOICE
    resolved: Resolved | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    attempts: int = 0
    losses: int = 0
    num_clips: int = 0
    handle: str | None = None
    speech_seconds: Annotated[float, Field(ge=0)]
    run_seconds: float | None = None
    notices: tuple[Notice, ...] = ()
    result: JobResult | None = None
    error: Notice | None = None
    cost: GpuCost | None = None
    erased: bool = False
    watermark: Annotated[str | None, Field(pattern=r"^[0-9a-f]{12}$")] = None
    held: bool = False
