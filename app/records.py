"""What is kept of a job, besides its files."""

from datetime import datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from pipeline.notices import Notice, Value
from pipeline.profiles import Model
from pipeline.types import Framing, GenerationRequest

Status = Literal["queued", "running", "done", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = get_args(Status)
ENDED: frozenset[Status] = frozenset({"done", "failed", "cancelled"})


class Frozen(BaseModel):
    """A value that is kept as JSON and never changed in place."""

    model_config = ConfigDict(frozen=True)


class JobRequest(Frozen):
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


class GpuCost(Frozen):
    """What a run took of a GPU that is paid for by the second.

    Attributes:
        gpu: Its name.
        seconds: How long the run had it.
        dollars: What they cost; None where the price is not known.
    """

    gpu: str
    seconds: float
    dollars: float | None


class JobResult(Frozen):
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


class JobRecord(Frozen):
    """What is kept of a job.

    Attributes:
        attempts: How often it was begun.
        handle: The run, as a runner whose runs outlive this server knows it.
        speech_seconds: Length of the voice that is used.
        erased: Its files and its request have been deleted.
    """

    id: str
    status: Status = "queued"
    model: Model
    request: JobRequest
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    attempts: int = 0
    handle: str | None = None
    speech_seconds: float
    notices: tuple[Notice, ...] = ()
    result: JobResult | None = None
    error: Notice | None = None
    erased: bool = False
