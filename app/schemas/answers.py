"""What the REST API answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from app.records import Status
from pipeline.request import VideoRequest

_JOB_ID = "0vXW4cJ3Tq2yGm5dR8sKbA"
_WARNING: JsonDict = {
    "code": "photo.several_faces",
    "field": "image",
    "message": "2 faces were found; the largest will talk. Choose another one if you meant it.",
}
_METADATA: JsonDict = {
    "job_id": _JOB_ID,
    "frame_num": 120,
    "audio_duration": 4.81,
    "profile": "preview",
    "model": "preview",
    "width": 832,
    "height": 480,
    "frame_rate": 25,
    "seconds": 2.2,
    "seed": 7,
    "gpu": None,
    "gpu_seconds": None,
    "price_usd": None,
    "content_credentials": True,
    "watermark": True,
    "warnings": [_WARNING],
    "speakers": [{"face": 0, "seconds": 4.32}],
    "reference": None,
}


class WholeAnswer(BaseModel):
    """An answer whose fields are all there, also those that have a default."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class BetterAnswer(BaseModel):
    """A GPU that would make the video sooner and for less."""

    gpu: str
    seconds: Annotated[float, Field(description="From the start of the run, there.")]
    cost_usd: Annotated[float, Field(description="On Modal, there.")]
    setting: Annotated[str, Field(description="What whoever deploys the app sets, so that the profile gets it.")]


class EstimateAnswer(WholeAnswer):
    """What a video is likely to take."""

    profile: str
    seconds: Annotated[float, Field(description="From the start of the run, with the model in memory.")]
    loading_seconds: Annotated[float, Field(description="Before that, where the weights have to be loaded first.")]
    cost_usd: Annotated[float, Field(description="On Modal; 0 where it runs on this machine.")]
    basis: Annotated[str, Field(description="measured: from earlier runs; calculated: from arithmetic.")]
    available: Annotated[bool, Field(description="The profile can be used here.")]
    gpu: Annotated[str | None, Field(description="The GPU that the figures are for; null where none is needed.")] = None
    better: Annotated[BetterAnswer | None, Field(description="A GPU that would be quicker and cheaper.")] = None


class NoticeAnswer(BaseModel):
    """Something that was found in photo or voice and that does not stop the job."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WARNING]})

    code: Annotated[str, Field(description="Stays the same; see docs/errors.md.")]
    field: Annotated[str, Field(description="The request's field that it is about.")]
    message: Annotated[str, Field(description="What was found and what to do.")]


class SpokenAnswer(BaseModel):
    """How long somebody speaks in a video."""

    face: Annotated[int, Field(description="Number of the face.")]
    seconds: float


class Metadata(WholeAnswer):
    """What is known of a finished video."""

    model_config = ConfigDict(json_schema_extra={"examples": [_METADATA]})

    job_id: str
    frame_num: Annotated[int, Field(description="Frames of the video.")]
    audio_duration: Annotated[float, Field(description="Seconds of voice that were used.")]
    profile: str
    model: str
    width: int
    height: int
    frame_rate: int
    seconds: Annotated[float, Field(description="Seconds it took to make.")]
    seed: Annotated[int, Field(description="The seed that was used; with it the video can be made again.")]
    gpu: Annotated[str | None, Field(description="The GPU, where one was paid for by the second.")] = None
    gpu_seconds: Annotated[float | None, Field(description="How long the run had it.")] = None
    price_usd: Annotated[float | None, Field(description="What these seconds cost, in dollars.")] = None
    content_credentials: Annotated[bool, Field(description="Video and poster are signed (docs/trust.md).")] = False
    watermark: Annotated[bool, Field(description="The video has a mark that is not seen.")] = False
    warnings: list[NoticeAnswer]
    speakers: Annotated[list[SpokenAnswer], Field(description="Who speaks how long.")] = []
    reference: Annotated[str | None, Field(description="The client's own name for the job.")] = None


class CostAnswer(BaseModel):
    """What a run took of a GPU that is paid for by the second."""

    gpu: Annotated[str, Field(description="Its name.")]
    gpu_seconds: Annotated[float, Field(description="How long the run had it.")]
    price_usd: Annotated[float | None, Field(description="What these seconds cost, in dollars; null if not known.")]


class ConsentAnswer(BaseModel):
    """That whoever asked for a video may use face and voice, and will say what made it."""

    given_at: Annotated[datetime, Field(description="When it was said.")]
    wording: Annotated[int, Field(description="Version of the sentence (docs/trust.md).")]


class VideoAnswer(BaseModel):
    """A finished video."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"video_b64": "AAAAIGZ0eXBpc29t...", "metadata": _METADATA}]}
    )

    video_b64: Annotated[str, Field(description="The mp4, H.264 and AAC, as base64.")]
    metadata: Metadata


class CredentialsAnswer(BaseModel):
    """What a file's Content Credentials say."""

    valid: Annotated[bool, Field(description="Nothing was changed since it was signed.")]
    trusted: Annotated[bool, Field(description="The signer is known to VIDEO_LAB_TRUST_LIST.")]
    made_here: Annotated[bool, Field(description="This deployment signed it: the one proof of where it was made.")]
    issuer: Annotated[str | None, Field(description="Whom the signer's certificate names.")]
    made_at: Annotated[datetime | None, Field(description="When it was made, as the file says.")]
    claim_generator: Annotated[str | None, Field(description="The program that made it, as the file says.")]


class WatermarkAnswer(BaseModel):
    """What the mark that is not seen says. It can be copied: a strong hint, and no proof."""

    job: Annotated[str, Field(description="Short id of the job: 8 digits that follow from its id, and lead to none.")]
    confidence: Annotated[float, Field(description="0 to 1.")]


class VerifyAnswer(BaseModel):
    """What was found in a picture or a video; null where there is nothing."""

    content_credentials: CredentialsAnswer | None
    watermark: WatermarkAnswer | None
    watermark_sought: Annotated[bool, Field(description="The file has frames that can be read for a mark.")]
    made_here: Annotated[
        bool | None,
        Field(
            description="Signed or marked by this deployment, null if nobody can tell. By the mark alone it is a hint: "
            "proof is `content_credentials.made_here`."
        ),
    ]


class ProgressAnswer(BaseModel):
    """How far a run is."""

    stage: Annotated[str, Field(description="photo, voice, loading, conditioning, denoising, frames or finishing.")]
    step: int
    steps: Annotated[int, Field(description="Steps that the stage has; 0 where they cannot be counted.")]
    percent: Annotated[float, Field(description="Of the whole run.")]


class Links(BaseModel):
    """Where things of a job are; null where there is nothing (yet, or any more)."""

    job: str
    events: str
    video: str | None
    poster: str | None


class JobAnswer(WholeAnswer):
    """A job."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "job_id": _JOB_ID,
                    "status": "running",
                    "profile": "preview",
                    "model": "preview",
                    "created_at": "2026-01-31T12:00:00Z",
                    "started_at": "2026-01-31T12:00:01Z",
                    "finished_at": None,
                    "expires_at": None,
                    "expired": False,
                    "progress": {"stage": "frames", "step": 40, "steps": 120, "percent": 39.3},
                    "eta_seconds": 1.5,
                    "position": None,
                    "audio_duration": 4.81,
                    "request": {"profile": "preview", "seed": 7},
                    "consent": None,
                    "metadata": None,
                    "cost": None,
                    "warnings": [],
                    "error": None,
                    "links": {
                        "job": f"/jobs/{_JOB_ID}",
                        "events": f"/jobs/{_JOB_ID}/events",
                        "video": None,
                        "poster": None,
                    },
                    "reference": None,
                    "batch_id": None,
                }
            ]
        }
    )

    job_id: Annotated[str, Field(description="Whoever has it may see and delete the video: keep it to yourself.")]
    status: Status
    profile: str
    model: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: Annotated[datetime | None, Field(description="When its files will be deleted.")]
    expired: Annotated[bool, Field(description="Its files have been deleted.")]
    progress: ProgressAnswer | None
    eta_seconds: Annotated[float | None, Field(description="When it is likely to be done, from what was measured.")]
    position: Annotated[int | None, Field(description="Place in the queue; 1 is next.")]
    audio_duration: Annotated[float, Field(description="Seconds of voice that are used.")]
    request: Annotated[VideoRequest, Field(description="What was asked for, to be sent again.")]
    consent: Annotated[ConsentAnswer | None, Field(description="What was said; null where nothing was.")] = None
    metadata: Annotated[Metadata | None, Field(description="Of the video, once it is done.")]
    cost: Annotated[CostAnswer | None, Field(description="What its run cost, also where it failed.")] = None
    warnings: list[NoticeAnswer]
    error: Annotated[NoticeAnswer | None, Field(description="Why it failed.")]
    links: Links
    reference: Annotated[str | None, Field(description="The client's own name for the job.")] = None
    batch_id: Annotated[str | None, Field(description="The batch that it is part of.")] = None


class JobListAnswer(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]
    next_cursor: Annotated[
        str | None, Field(description="Send it as `cursor`, with the same filters, for the next ones; null: no more.")
    ]


class PeriodAnswer(BaseModel):
    """A period of time."""

    begins_at: Annotated[datetime, Field(serialization_alias="from", description="Included.")]
    ends_at: Annotated[datetime, Field(serialization_alias="to", description="Not included.")]


class LimitsAnswer(BaseModel):
    """Of a key: its limits, or what is left of them; null where there is no limit."""

    jobs_at_once: Annotated[int | None, Field(description="Jobs that wait or run.")]
    jobs_per_hour: Annotated[int | None, Field(description="Jobs accepted in the last 3,600 seconds.")]
    dollars_per_day: Annotated[float | None, Field(description="Spent or promised in the last 24 hours.")]


class UsageAnswer(BaseModel):
    """What the jobs that were accepted in a period have taken."""

    key: Annotated[str | None, Field(description="Id of the key; null: of all together.")]
    period: PeriodAnswer
    jobs: Annotated[int, Field(description="How many were accepted.")]
    video_seconds: Annotated[float, Field(description="Length of the videos that were made.")]
    gpu_seconds: Annotated[float, Field(description="Of GPUs that are paid for; each GPU of a team counts.")]
    cost_usd: Annotated[float, Field(description="What they cost, without jobs that have not ended.")]
    limits: LimitsAnswer
    remaining: LimitsAnswer


class ProfileAnswer(BaseModel):
    """A quality profile."""

    name: str
    title: Annotated[str, Field(description="As people read it.")]
    model: str
    summary: Annotated[str, Field(description="What it is for.")]
    resolution: Literal["480p", "720p"]
    mode: Annotated[str, Field(description="clip: one clip; streaming: overlapping clips, for long voices.")]
    num_inference_steps: int
    guidance_scale: float
    audio_guidance_scale: float
    tea_cache: Annotated[bool, Field(description="Also one of the options, of the models that have it.")]
    options: Annotated[dict[str, Any], Field(description="What only its model understands.")]
    available: Annotated[bool, Field(description="It can be used here.")]
    reason: Annotated[str, Field(description="Why not, and what to do; empty where it is available.")]


class Rectangle(WholeAnswer):
    """A rectangle in pixels of the photo, upright; it may reach over the photo's edge."""

    x: float
    y: float
    width: float
    height: float


class FaceAnswer(Rectangle):
    """A face that was found."""

    index: Annotated[int, Field(description="Its number, as `face` in a request; 0 is the largest.")]
    score: Annotated[float, Field(description="The detector's confidence, 0 to 1.")]
    speaker: Annotated[
        int | None, Field(description="Its place among those who talk, counted from 0; null where it keeps still.")
    ] = None
    frame_box: Annotated[
        Rectangle | None, Field(description="Where in the frame it is, in its pixels; null where its mouth is outside.")
    ] = None


class FaceCropAnswer(BaseModel):
    """What the engine would get."""

    width: Annotated[int, Field(description="Of the video.")]
    height: Annotated[int, Field(description="Of the video.")]
    crop: Annotated[Rectangle, Field(description="The part of the photo that is shown.")]
    quarter_turns: Annotated[
        int,
        Field(description="How often the photo was turned to be upright, by 90 degrees counterclockwise, beyond EXIF."),
    ]
    faces: Annotated[list[FaceAnswer], Field(description="All faces found, largest first.")]
    warnings: list[NoticeAnswer]
    image_b64: Annotated[str, Field(description="The frame exactly as the engine gets it, PNG as base64.")]


class TurnAnswer(BaseModel):
    """When somebody has the word."""

    speaker: Annotated[int, Field(description="0 is the first voice heard.")]
    start_sec: Annotated[float, Field(description="On the time of the recording.")]
    end_sec: float


class TurnsAnswer(BaseModel):
    """Who speaks when."""

    num_speakers: Annotated[int, Field(description="How many are heard, which may be fewer than were named.")]
    turns: Annotated[list[TurnAnswer], Field(description="In order; none overlap. Silence and music are nobody's.")]


class EngineAnswer(BaseModel):
    """The state of a model here."""

    available: bool
    reason: str
    profiles: list[str]


class HealthAnswer(BaseModel):
    """The state of the server."""

    status: Annotated[
        Literal["healthy", "degraded"],
        Field(description="degraded: it works, but somebody should look at it; `troubles` says why."),
    ]
    troubles: Annotated[list[str], Field(description="What should be looked at, a sentence each.")]
    version: str
    models: Annotated[list[str], Field(description="The models that can be used here.", examples=[["preview"]])]
    engines: dict[str, EngineAnswer]
    jobs_waiting: int
    jobs_running: int
    jobs_set_aside: Annotated[int, Field(description="Jobs whose records cannot be read; nothing of them is deleted.")]


class ReadyAnswer(BaseModel):
    """Whether the server takes work."""

    ready: bool
    obstacles: Annotated[list[str], Field(description="Why not, a sentence each.")]


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:video-lab:problem:invalid-input",
                    "title": "The input cannot be used",
                    "status": 400,
                    "detail": "The recording is 0.3 seconds long; at least 1 second is needed. Record a longer one.",
                    "code": "audio.too_short",
                    "field": "audio",
                }
            ]
        }
    )

    type: Annotated[str, Field(description="Kind of problem; see docs/errors.md.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What was expected, what came, what to do.")]
    code: Annotated[str | None, Field(description="Stays the same while texts may change.")] = None
    field: Annotated[str | None, Field(description="The request's field that it is about.")] = None
    job_id: Annotated[str | None, Field(description="The job that it is about.")] = None


class WebhookBody(BaseModel):
    """What is sent to a job's `callback_url`."""

    type: Literal["job.done", "job.failed", "job.cancelled"]
    timestamp: Annotated[datetime, Field(description="When the job ended.")]
    data: Annotated[JobAnswer, Field(description="The job, as `GET /jobs/{job_id}` answers.")]


class AttemptAnswer(BaseModel):
    """One time that word of a job's end was sent."""

    at: datetime
    seconds: Annotated[float, Field(description="How long it took.")]
    status: Annotated[int | None, Field(description="How the host answered; null if it did not.")]
    error: Annotated[str | None, Field(description="Why it failed; null if it did not.")]


class DeliveryAnswer(BaseModel):
    """Word of a job's end, to the job's `callback_url`."""

    id: Annotated[str, Field(description="The header `webhook-id`, the same in each attempt.")]
    type: Literal["job.done", "job.failed", "job.cancelled"]
    status: Annotated[
        Literal["pending", "delivered", "failed"], Field(description="failed: nothing more is sent by itself.")
    ]
    host: Annotated[str, Field(description="That it goes to; the address is not shown.")]
    created_at: Annotated[datetime, Field(description="When the job ended.")]
    next_attempt_at: Annotated[datetime | None, Field(description="When it is sent again; null if it is not.")]
    attempts: Annotated[list[AttemptAnswer], Field(description="The latest 20, the last one last.")]


class DeliveriesAnswer(BaseModel):
    """Word that was sent of a job's end."""

    deliveries: list[DeliveryAnswer]


class UploadAnswer(BaseModel):
    """A file that was sent once, to be named in other requests."""

    id: Annotated[str, Field(description="Names the file as `image_id` or `audio_id`.")]
    kind: Annotated[Literal["image", "audio", "video"], Field(description="Found in the file, not in its name.")]
    num_bytes: int
    audio_duration: Annotated[float | None, Field(description="Seconds that are heard; null for a picture.")] = None
    expires_at: Annotated[
        datetime, Field(description="When it is deleted unless it is used before; each use renews it.")
    ]


class EstimateOfBatch(BaseModel):
    """What a batch is likely to take, as it stood when it was sent."""

    seconds: Annotated[float, Field(description="Until all videos are made, with nobody else's between them.")]
    cost_usd: Annotated[float, Field(description="What all runs cost, in dollars; 0 where nobody is paid.")]


class BatchJobAnswer(BaseModel):
    """A job of a batch."""

    job_id: Annotated[str, Field(description="As in `GET /jobs/{job_id}`.")]
    reference: str | None = None
    status: Status


class BatchAnswer(BaseModel):
    """A batch that was accepted, or that could be."""

    batch_id: Annotated[str | None, Field(description="Null in a dry run.")] = None
    created_at: datetime | None = None
    jobs: Annotated[
        list[BatchJobAnswer], Field(description="In the order of the rows; without forgotten ones. None in a dry run.")
    ]
    counts: Annotated[dict[Status, int], Field(description="How many jobs have each status; {} in a dry run.")]
    percent: Annotated[float, Field(description="How much of the work is done.")]
    estimate: EstimateOfBatch
    unchecked_photos: Annotated[
        int,
        Field(description="Ways of framing a photo there was no time to look at; they are checked at their turn."),
    ] = 0


class BatchSummary(BaseModel):
    """A batch in a list."""

    batch_id: str
    created_at: datetime
    num_jobs: int
    counts: dict[Status, int]


class BatchList(BaseModel):
    """The newest batches."""

    batches: list[BatchSummary]
