"""A video in one request."""

import base64
import time
from collections.abc import Mapping
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from app.errors import JobCancelledError, JobFailedError, JobTimeLimitError, RequestLimitError
from app.jobs import Job
from app.problems import UPLOAD_STATUSES, Responses, describe_problems
from app.routes.accepted import prefers
from app.routes.answers import describe_result
from app.routes.dependencies import CallerOfRequest, JobsOfApp, SettingsOfApp
from app.routes.once import ONCE, ClaimOfRequest, once
from app.routes.openapi import FILE, describe_body
from app.routes.submission import submit
from app.routes.waiting import PreferredSeconds
from app.schemas.answers import Metadata, VideoAnswer
from app.schemas.bodies import VideoBody, VideoOptions

router = APIRouter(tags=["videos"])

_KIND = "video/mp4"
_HEADERS: Mapping[str, str] = {
    "X-Job-Id": "The job that made the video.",
    "X-Seed": "The seed that was used.",
    "X-Audio-Duration": "Seconds of voice that were used.",
    "X-Warnings": "Codes of what was found in photo and voice, with commas; left out where there are none.",
}
_ANSWERS: Responses = {
    200: {
        "description": "The video: as JSON, or the file itself where `Accept: video/mp4` asks for it.",
        "content": {_KIND: {"schema": FILE}},
        "headers": {
            name: {"schema": {"type": "string"}, "description": f"With {_KIND}: {told}"}
            for name, told in _HEADERS.items()
        },
    },
    303: {
        "description": "It takes longer than the host lets a request wait (Modal: 150 s): the answer is there.",
        "headers": {"Location": {"schema": {"type": "string"}, "description": "To be asked with GET, at once."}},
    },
}
_TIME_LIMITS = frozenset({"remote.time_limit", "remote.timeout"})


@router.post(
    "/generate",
    summary="Make a video and wait for it",
    response_model=VideoAnswer,
    responses=_ANSWERS | ONCE | describe_problems(*UPLOAD_STATUSES, 409, 429, 500, 503, 504),
    openapi_extra=describe_body(VideoBody, VideoOptions),
)
async def generate_video(
    request: Request,
    *,
    caller: CallerOfRequest,
    claim: ClaimOfRequest,
    jobs: JobsOfApp,
    settings: SettingsOfApp,
    seconds: PreferredSeconds,
) -> Response:
    """Answer with the video once it is made: as JSON, or with `Accept: video/mp4` the file itself.

    For anything long, use `POST /jobs`: a request that takes longer than the server's limit is answered with 504 and
    the job's id, and the job goes on. `Prefer: wait=N` makes the limit N seconds.
    """
    limit_seconds = settings.request_limit_seconds if seconds is None else seconds
    ends_at = time.monotonic() + limit_seconds
    with once(jobs.answers, claim) as attempt:
        job = await submit(request, jobs, settings, attempt)
    try:
        job = await jobs.wait(job.id, ends_at - time.monotonic())
    except TimeoutError:
        raise RequestLimitError(job.id, limit_seconds) from None
    if job.status != "done":
        attempt.forget()
    _check_done(job)
    metadata = describe_result(job)
    assert metadata is not None
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Accept",
        **jobs.ledger.find_use(caller.key_id).headers,
        **attempt.headers,
    }
    if prefers(request, _KIND, "application/json"):
        return _answer_file(jobs.video_path(job.id), metadata, headers)
    body = await to_thread.run_sync(_encode, jobs.video_path(job.id), metadata)
    return Response(body, media_type="application/json", headers=headers)


def _answer_file(video: Path, metadata: Metadata, headers: Mapping[str, str]) -> Response:
    values = {
        "X-Job-Id": metadata.job_id,
        "X-Seed": str(metadata.seed),
        "X-Audio-Duration": f"{metadata.audio_duration:g}",
        "X-Warnings": ", ".join(warning.code for warning in metadata.warnings),
    }
    told = {name: value for name, value in values.items() if value}
    return FileResponse(video, headers={**headers, **told}, media_type=_KIND)


def _check_done(job: Job) -> None:
    if job.status == "cancelled":
        raise JobCancelledError(job.id)
    if job.error is not None:
        kind = JobTimeLimitError if job.error.code in _TIME_LIMITS else JobFailedError
        raise kind(job.error.text, job.id, job.error.code)


def _encode(video: Path, metadata: Metadata) -> bytes:
    answer = VideoAnswer(video_b64=base64.b64encode(video.read_bytes()).decode(), metadata=metadata)
    return answer.model_dump_json().encode()
