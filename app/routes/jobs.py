"""Jobs: a video is asked for now and fetched later."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.jobs import Job
from app.problems import UPLOAD_STATUSES, Responses, describe_problems
from app.routes.answers import describe_job
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.routes.files import answer_file
from app.routes.openapi import describe_body
from app.routes.submission import submit
from app.schemas.answers import JobAnswer
from app.schemas.bodies import VideoBody, VideoOptions

router = APIRouter(prefix="/jobs", tags=["jobs"])

_RETRY_MILLISECONDS = 2000
_FILE = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_SUBMITTED: Responses = {202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Of the job."}}}}
_EVENTS: Responses = {
    200: {
        "description": "Events named `job`. The data of each is a JobAnswer as JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


def _describe_file(media_type: str) -> Responses:
    content = {media_type: _FILE}
    return {
        200: {"description": "The file.", "content": content},
        206: {"description": "The part of it that was asked for.", "content": content},
        304: {"description": "It has not changed."},
    }


def _find_job(job_id: Annotated[str, Path(description="As `POST /jobs` answered.")], jobs: JobsOfApp) -> Job:
    return jobs.get(job_id)


JobOfPath = Annotated[Job, Depends(_find_job)]


@router.post(
    "",
    summary="Ask for a video",
    status_code=202,
    responses=_SUBMITTED | describe_problems(*UPLOAD_STATUSES, 429, 503),
    openapi_extra=describe_body(VideoBody, VideoOptions),
)
async def submit_job(request: Request, response: Response, jobs: JobsOfApp, settings: SettingsOfApp) -> JobAnswer:
    """Check the input and put a job into the queue; takes JSON with base64, or a form with files.

    The answer comes at once. The job goes on whatever happens to the connection, and outlasts a restart of the server.
    """
    job = await submit(request, jobs, settings)
    response.headers["Location"] = f"/jobs/{job.id}"
    return describe_job(job)


@router.head("/{job_id}", include_in_schema=False)
@router.get("/{job_id}", summary="See how far a job is", responses=describe_problems(404))
async def show_job(job: JobOfPath, response: Response) -> JobAnswer:
    """Answer with the job's state."""
    response.headers["Cache-Control"] = "no-store"
    return describe_job(job)


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses=_EVENTS | describe_problems(404),
)
async def follow_job(job: JobOfPath, jobs: JobsOfApp) -> AsyncIterator[ServerSentEvent]:
    """Send the job's state now and after each change, as server-sent events named `job`.

    The stream ends after the final state: close the EventSource when the status is done, failed or cancelled. Each
    event is whole, so one that follows again after a lost connection has missed nothing.
    """
    number = 0
    async for state in jobs.follow(job.id):
        yield ServerSentEvent(
            data=describe_job(state), event="job", id=str(number), retry=_RETRY_MILLISECONDS if number == 0 else None
        )
        number += 1


@router.head("/{job_id}/video", include_in_schema=False)
@router.get(
    "/{job_id}/video",
    summary="Fetch the video",
    response_class=FileResponse,
    responses=_describe_file("video/mp4") | describe_problems(400, 404, 409, 410, 416, 451),
)
async def fetch_video(request: Request, job: JobOfPath, jobs: JobsOfApp, *, download: bool = False) -> Response:
    """Answer with the mp4, or parts of it; `?download=true` makes browsers save it."""
    return answer_file(request, jobs.video_path(job.id), job.id, f"talking-video-{job.id[:6]}.mp4", download=download)


@router.head("/{job_id}/poster", include_in_schema=False)
@router.get(
    "/{job_id}/poster",
    summary="Fetch a still picture of the video",
    response_class=FileResponse,
    responses=_describe_file("image/jpeg") | describe_problems(404, 409, 410, 416, 451),
)
async def fetch_poster(request: Request, job: JobOfPath, jobs: JobsOfApp) -> Response:
    """Answer with a frame of the video."""
    return answer_file(request, jobs.poster_path(job.id), job.id, f"talking-video-{job.id[:6]}.jpg")


@router.delete("/{job_id}", summary="Cancel a job, or delete its files", responses=describe_problems(404))
async def delete_job(job: JobOfPath, jobs: JobsOfApp) -> JobAnswer:
    """Cancel a job that has not ended, within two seconds; delete the files of one that has ended."""
    return describe_job(await (jobs.delete(job.id) if job.has_ended else jobs.cancel(job.id)))
