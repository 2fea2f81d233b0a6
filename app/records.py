"""What is kept of a job, besides its files."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from pipeline.notices import Notice, Value
from pipeline.profiles import PROFILES, Model, get_profile
from pipeline.types import Framing, GenerationRequest, Sampling

Status = Literal["queued", "running", "done", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
ENDED: frozenset[Status] = frozenset({"done", "failed", "cancelled"})

SCHEMA_VERSION = 2
"""Of the records that are written. It grows where an older app, which ignores fields that it does not know, would
misunderstand a record; a record of a newer version is not read. Version 1 has no such field; all that version 2 adds
may be missing."""


class Frozen(BaseModel):
    """A value that is kept as JSON and never changed in place."""

    model_config = ConfigDict(frozen=True)


class Lasting(Frozen):
    """A value on the disk: fields that a newer app wrote are kept as they are, numbers are numbers."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    @property
    def known(self) -> dict[str, Any]:
        """The fields that this app knows."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class JobRequest(Lasting):
    """What was asked for, without the files."""

    profile: str
    prompt: str = ""
    start_seconds: float = 0.0
    max_duration_seconds: float | None = None
    seed: int | None = None
    framing: Framing = Framing()
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    audio_guidance_scale: float | None = None

    @classmethod
    def of(cls, request: GenerationRequest) -> "JobRequest":
        """Take what was asked for, and leave the files."""
        return cls(**{name: getattr(request, name) for name in cls.model_fields})

    @property
    def sampling(self) -> Sampling:
        """What was asked for, over the profile's numbers."""
        profile = get_profile(self.profile)
        return Sampling(
            self.num_inference_steps or profile.num_inference_steps,
            self.guidance_scale or profile.guidance_scale,
            self.audio_guidance_scale or profile.audio_guidance_scale,
        )

    @property
    def is_plain(self) -> bool:
        """Whether the profile's own numbers are used."""
        return (self.num_inference_steps, self.guidance_scale, self.audio_guidance_scale) == (None, None, None)


class GpuCost(Lasting):
    """What a run took of a GPU that is paid for by the second.

    Attributes:
        gpu: Its name.
        seconds: How long the run had it.
        dollars: What they cost; None where the price is not known.
        count: How many of it the run had.
    """

    gpu: str
    seconds: float
    dollars: float | None
    count: int = 1


class JobResult(Lasting):
    """What is known of a finished video.

    Attributes:
        num_frames: How many.
        speech_seconds: Length of the voice used.
        compute_seconds: How long it took.
        width: Of the video, in pixels.
        height: Of the video, in pixels.
        frame_rate: Frames a second.
        seed: The seed that was used.
        timings: Seconds that each stage took.
        notices: Warnings about photo and voice.
        cost: Of the GPU; None where none was paid for.
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


class Resolved(Lasting):
    """What was drawn or found when the job was submitted: each of its runs makes the same video.

    Attributes:
        seed: The one that was asked for, or drawn.
    """

    seed: int


def _check_profile(request: JobRequest) -> JobRequest:
    if request.profile not in PROFILES:
        raise ValueError("There is no such profile.")
    return request


class JobRecord(Lasting):
    """What is kept of a job.

    Attributes:
        schema_version: Of the app that wrote it.
        resolved: None where an app before version 2 took the job.
        attempts: How often it was begun.
        losses: How often its run was lost, through no fault of the server's.
        handle: The run, as a runner whose runs outlive this server knows it.
        speech_seconds: Length of the voice that is used.
        run_seconds: How long its run took, by a clock that nobody sets; None before it has ended, or where that is not
            known.
        cost: What its run took of a GPU, also where it failed; None where none was paid for.
        erased: Its files and its request have been deleted.
    """

    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    id: str
    status: Status = "queued"
    model: Model
    request: Annotated[JobRequest, AfterValidator(_check_profile)]
    resolved: Resolved | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    finished_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    attempts: int = 0
    losses: int = 0
    handle: str | None = None
    speech_seconds: Annotated[float, Field(ge=0)]
    run_seconds: float | None = None
    notices: tuple[Notice, ...] = ()
    result: JobResult | None = None
    error: Notice | None = None
    cost: GpuCost | None = None
    erased: bool = False
