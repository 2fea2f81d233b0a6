"""A video in one request."""

import base64
import time
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from app.errors import JobCancelledError, JobFailedError, JobTimeLimitError, RequestLimitError
from app.jobs import Job
from app.problems import UPLOAD_STATUSES, describe_problems
from app.routes.answers import describe_result
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.routes.openapi import describe_body
from app.routes.submission import submit
from app.schemas.answers import Metadata, VideoAnswer
from app.schemas.bodies import VideoBody, VideoOptions

router = APIRouter(tags=["videos"])

_TIME_LIMITS = frozenset({"remote.time_limit", "remote.timeout"})


@router.post(
    "/generate",
    summary="Make a video and wait for it",
    response_model=VideoAnswer,
    responses=describe_problems(*UPLOAD_STATUSES, 409, 429, 500, 503, 504),
    openapi_extra=describe_body(VideoBody, VideoOptions),
)
async def generate_video(request: Request, jobs: JobsOfApp, settings: SettingsOfApp) -> Response:
    """Answer with the video once it is made.

    For anything long, use `POST /jobs`: a request that takes longer than the server's limit is answered with 504 and
    the job's id, and the job goes on.
    """
    ends_at = time.monotonic() + settings.request_limit_seconds
    job = await submit(request, jobs, settings)
    try:
        job = await jobs.wait(job.id, ends_at - time.monotonic())
    except TimeoutError:
        raise RequestLimitError(job.id, settings.request_limit_seconds) from None
    _check_done(job)
    metadata = describe_result(job)
    assert metadata is not None
    body = await to_thread.run_sync(_encode, jobs.video_path(job.id), metadata)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})


def _check_done(job: Job) -> None:
    if job.status == "cancelled":
        raise JobCancelledError(job.id)
    if job.error is not None:
        kind = JobTimeLimitError if job.error.code in _TIME_LIMITS else JobFailedError
        raise kind(job.error.text, job.id, job.error.code)


def _encode(video: Path, metadata: Metadata) -> bytes:
    answer = VideoAnswer(video_b64=base64.b64encode(video.read_bytes()).decode(), metadata=metadata)
    return answer.model_dump_json().encode()
