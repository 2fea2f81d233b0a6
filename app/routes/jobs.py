"""Jobs: a video is asked for now and fetched later."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.errors import NothingNewError
from app.jobs import Job, Wanted
from app.problems import UPLOAD_STATUSES, Responses, describe_problems
from app.routes.answers import answer_state, describe_job
from app.routes.cursors import read_cursor, write_cursor
from app.routes.dependencies import CallerOfList, CallerOfRequest, JobsOfApp, SettingsOfApp
from app.routes.files import answer_file
from app.routes.once import ONCE, ClaimOfRequest, once
from app.routes.openapi import FILE, describe_body
from app.routes.submission import submit
from app.routes.waiting import PreferredSeconds, find_headers, wait_for_end
from app.schemas.answers import JobAnswer, JobListAnswer
from app.schemas.bodies import VideoBody, VideoOptions
from app.schemas.queries import ListQuery

router = APIRouter(prefix="/jobs", tags=["jobs"])

_RETRY_MILLISECONDS = 2000
_TEXT = {"schema": {"type": "string"}}
_SUBMITTED_HEADERS = {
    "Location": _TEXT | {"description": "Of the job."},
    "Retry-After": _TEXT | {"description": "Seconds after which it is worth asking again."},
}
_SUBMITTED: Responses = {
    200: {"model": JobAnswer, "description": "It has ended, as `Prefer: wait=N` asked.", "headers": _SUBMITTED_HEADERS},
    202: {"headers": _SUBMITTED_HEADERS},
}
_KNOWN: Responses = {
    200: {"headers": {"ETag": _TEXT | {"description": "Of this state, for `If-None-Match`."}}},
    304: {"description": "It has not changed, but for `eta_seconds`."},
}
_EVENTS: Responses = {
    200: {
        "description": "Events named `job`. The data of each is a JobAnswer as JSON.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": "#/components/schemas/JobAnswer"},
                }
            }
        },
    },
    204: {"description": "The final state has been sent: `Last-Event-ID` says so."},
}


def _describe_file(media_type: str) -> Responses:
    content = {media_type: {"schema": FILE}}
    return {
        200: {"description": "The file.", "content": content},
        206: {"description": "The part of it that was asked for.", "content": content},
        304: {"description": "It has not changed."},
    }


def _find_job(job_id: Annotated[str, Path(description="As `POST /jobs` answered.")], jobs: JobsOfApp) -> Job:
    return jobs.get(job_id)


JobOfPath = Annotated[Job, Depends(_find_job)]


def _find_unseen(job: JobOfPath, last_event_id: Annotated[str | None, Header(include_in_schema=False)] = None) -> Job:
    """Return the job whose events are asked for.

    Raises:
        NothingNewError: The client has seen the last of them.
    """
    if job.has_ended and last_event_id == job.status:
        raise NothingNewError
    return job


UnseenJob = Annotated[Job, Depends(_find_unseen)]


@router.post(
    "",
    summary="Ask for a video",
    status_code=202,
    response_model=JobAnswer,
    responses=_SUBMITTED | ONCE | describe_problems(*UPLOAD_STATUSES, 429, 503),
    openapi_extra=describe_body(VideoBody, VideoOptions),
)
async def create_job(
    request: Request,
    response: Response,
    *,
    caller: CallerOfRequest,
    claim: ClaimOfRequest,
    jobs: JobsOfApp,
    settings: SettingsOfApp,
    seconds: PreferredSeconds,
) -> JobAnswer:
    """Check the input and put a job into the queue; takes JSON with base64, or a form with files.

    The answer comes at once with 202, unless the header `Prefer: wait=N` asks for it when the job has ended: then with
    200, or with 202 after N seconds. The job goes on whatever happens to the connection, and outlasts a restart of the
    server.
    """
    with once(jobs.answers, claim) as attempt:
        job = await submit(request, jobs, settings, attempt)
    job = await wait_for_end(request, jobs, job, seconds)
    response.status_code = 200 if job.has_ended else 202
    limits = jobs.ledger.find_use(caller.key_id).headers
    response.headers.update({"Location": f"/jobs/{job.id}", **limits, **attempt.headers, **find_headers(job, seconds)})
    return describe_job(job)


@router.get("", summary="List your jobs", responses=describe_problems(400, 403))
async def list_jobs(
    query: Annotated[ListQuery, Query()], response: Response, caller: CallerOfList, jobs: JobsOfApp
) -> JobListAnswer:
    """Answer with jobs, the newest first: those of the key that asks, or with the password those of all.

    A job that is added meanwhile moves none to another page. Where anybody may use the server, it lists nothing.
    """
    about = f"{caller.key_id} {query.status} {query.reference}"
    than = None if query.cursor is None else read_cursor(query.cursor, about)
    found, last = jobs.search(caller.key_id, Wanted(query.status, query.reference), than, query.limit)
    response.headers["Cache-Control"] = "no-store"
    return JobListAnswer(
        jobs=[describe_job(job) for job in found], next_cursor=None if last is None else write_cursor(last, about)
    )


@router.get(
    "/{job_id}", summary="See how far a job is", response_model=JobAnswer, responses=_KNOWN | describe_problems(404)
)
async def get_job(request: Request, job: JobOfPath, jobs: JobsOfApp, seconds: PreferredSeconds) -> Response:
    """Answer with the job's state; with the header `Prefer: wait=N`, when it has ended, or after N seconds."""
    job = await wait_for_end(request, jobs, job, seconds)
    return answer_state(request, job, find_headers(job, seconds))


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses=_EVENTS | describe_problems(404),
)
async def follow_job(job: UnseenJob, jobs: JobsOfApp) -> AsyncIterator[ServerSentEvent]:
    """Send the job's state now and after each change, as server-sent events named `job`.

    The stream ends after the final state: close the EventSource when the status is done, failed or cancelled. Each
    event is whole, so one that follows again after a lost connection has missed nothing; one that has seen the final
    state, as its `Last-Event-ID` says, is answered with 204, after which an EventSource stays away.
    """
    number = 0
    async for state in jobs.follow(job.id):
        yield ServerSentEvent(
            data=describe_job(state),
            event="job",
            id=state.status if state.has_ended else str(number),
            retry=_RETRY_MILLISECONDS if number == 0 else None,
        )
        number += 1


@router.get(
    "/{job_id}/video",
    summary="Fetch the video",
    response_class=FileResponse,
    responses=_describe_file("video/mp4") | describe_problems(400, 404, 409, 410, 416, 451),
)
async def get_video(request: Request, job: JobOfPath, jobs: JobsOfApp, *, download: bool = False) -> Response:
    """Answer with the mp4, or parts of it; `?download=true` makes browsers save it."""
    return answer_file(request, jobs.video_path(job.id), job.id, f"talking-video-{job.id[:6]}.mp4", download=download)


@router.get(
    "/{job_id}/poster",
    summary="Fetch a still picture of the video",
    response_class=FileResponse,
    responses=_describe_file("image/jpeg") | describe_problems(404, 409, 410, 416, 451),
)
async def get_poster(request: Request, job: JobOfPath, jobs: JobsOfApp) -> Response:
    """Answer with a frame of the video."""
    return answer_file(request, jobs.poster_path(job.id), job.id, f"talking-video-{job.id[:6]}.jpg")


@router.delete("/{job_id}", summary="Cancel a job, or delete its files", responses=describe_problems(404))
async def cancel_or_delete_job(job: JobOfPath, jobs: JobsOfApp) -> JobAnswer:
    """Cancel a job that has not ended, within two seconds; delete the files of one that has ended."""
    return describe_job(await (jobs.delete(job.id) if job.has_ended else jobs.cancel(job.id)))
