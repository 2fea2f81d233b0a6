"""The one table from exceptions to HTTP statuses, and the problem+json answers (RFC 9457) made from it."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route

from app import errors
from app.mistakes import explain_mistake, shorten
from app.schemas.answers import Problem
from pipeline.errors import EngineUnavailableError, InputError, InputTooLargeError, PipelineError

Responses = dict[int | str, dict[str, Any]]
"""The responses of a route, as FastAPI takes them for OpenAPI."""

MEDIA_TYPE = "application/problem+json"
UPLOAD_STATUSES = (400, 403, 408, 413, 415, 507)
"""The errors of every route that takes files."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TYPE = "urn:video-lab:problem:"
_BEARER, _BASIC = 'Bearer realm="video-lab"', 'Basic realm="video-lab", charset="UTF-8"'
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ProblemType:
    """A problem type, as RFC 9457 defines it.

    Attributes:
        status: HTTP status of the answer.
        name: Last part of the type's URN.
        title: The same for all problems of this type.
    """

    status: int
    name: str
    title: str


UNEXPECTED = ProblemType(500, "unexpected", "Something unexpected went wrong")
PROBLEM_TYPES: Mapping[type[Exception], ProblemType] = {
    InputError: ProblemType(400, "invalid-input", "The input cannot be used"),
    InputTooLargeError: ProblemType(413, "too-large", "The input is too large"),
    EngineUnavailableError: ProblemType(503, "unavailable-here", "The profile is not available here"),
    errors.BodyError: ProblemType(400, "invalid-body", "The request cannot be read"),
    errors.BodyTooLargeError: ProblemType(413, "too-large", "The input is too large"),
    errors.BodyStalledError: ProblemType(408, "stalled", "The request did not arrive whole"),
    errors.CrossSiteError: ProblemType(403, "cross-site", "The request comes from another site"),
    errors.HostError: ProblemType(421, "wrong-host", "The app has another name"),
    errors.MediaTypeError: ProblemType(415, "unsupported-media-type", "The request's content type is not accepted"),
    errors.PasswordError: ProblemType(401, "password-needed", "A key or the password is needed"),
    errors.GuessesError: ProblemType(429, "too-many-guesses", "Too many wrong keys or passwords"),
    errors.AccountsError: ProblemType(503, "accounts-unusable", "The keys cannot be read"),
    errors.RangeError: ProblemType(416, "range", "The range lies outside of the video"),
    errors.UploadNotFoundError: ProblemType(404, "upload-not-found", "There is no such upload"),
    errors.BatchNotFoundError: ProblemType(404, "batch-not-found", "There is no such batch"),
    errors.BatchRowError: ProblemType(400, "invalid-row", "A row of the batch cannot be used"),
    errors.UploadLimitError: ProblemType(429, "too-many-uploads", "Too much has been uploaded"),
    errors.StorageError: ProblemType(507, "storage-full", "The server's disk is full"),
    errors.QueueFullError: ProblemType(503, "queue-full", "The queue is full"),
    errors.DecodingError: ProblemType(503, "busy", "Photos and recordings cannot be read at the moment"),
    errors.OriginError: ProblemType(503, "keys-unreadable", "What was made here cannot be told"),
    errors.BudgetError: ProblemType(429, "budget-spent", "The day's budget is spent"),
    errors.KeyBudgetError: ProblemType(429, "key-budget-spent", "The key's budget is spent"),
    errors.RateLimitError: ProblemType(429, "too-many-jobs", "The key has had its jobs of this hour"),
    errors.ConcurrencyLimitError: ProblemType(429, "too-many-jobs-at-once", "The key has as many jobs as it may"),
    errors.IdempotencyKeyError: ProblemType(400, "idempotency-key", "The Idempotency-Key cannot be read"),
    errors.StillTakenError: ProblemType(409, "still-taken", "The first request is still being taken"),
    errors.OtherBodyError: ProblemType(422, "other-body", "The Idempotency-Key belongs to another request"),
    errors.AnonymousListError: ProblemType(403, "jobs-not-listed", "Nobody knows whose jobs to list"),
    errors.CursorError: ProblemType(400, "invalid-cursor", "The cursor cannot be used"),
    errors.PeriodError: ProblemType(400, "invalid-period", "The period cannot be read"),
    errors.JobNotFoundError: ProblemType(404, "job-not-found", "There is no such job"),
    errors.JobSetAsideError: ProblemType(503, "job-set-aside", "The job cannot be read"),
    errors.ServerStoppingError: ProblemType(503, "stopping", "The server is stopping"),
    errors.JobNotFinishedError: ProblemType(409, "no-video", "The job has no video"),
    errors.JobExpiredError: ProblemType(410, "expired", "The job's files have been deleted"),
    errors.JobHiddenError: ProblemType(451, "reported", "The video was reported"),
    errors.NoDeliveryError: ProblemType(409, "no-delivery", "There is nothing to send"),
    errors.ResendTooSoonError: ProblemType(429, "sent-recently", "It was sent a moment ago"),
    errors.JobFailedError: ProblemType(500, "job-failed", "The video could not be made"),
    errors.JobTimeLimitError: ProblemType(504, "job-time-limit", "The video took too long to make"),
    errors.JobCancelledError: ProblemType(409, "job-cancelled", "The job was cancelled"),
    errors.RequestLimitError: ProblemType(504, "request-limit", "The video takes longer than the request may"),
    Exception: UNEXPECTED,
}


def find_problem_type(error: Exception) -> ProblemType:
    """Return the problem type of the nearest base class that is in the table."""
    return next(PROBLEM_TYPES[cls] for cls in type(error).__mro__ if cls in PROBLEM_TYPES)


def answer_error(error: Exception) -> Response:
    """Return the answer to an exception in the table; hide the details of any other."""
    problem_type = find_problem_type(error)
    if problem_type is UNEXPECTED:
        detail = "Something unexpected went wrong here; the server's log has the details. Try again."
        return answer_problem(problem_type, detail)
    notice = error.notice if isinstance(error, InputError) else None
    return answer_problem(
        problem_type,
        str(error),
        headers=_find_headers(error),
        code=notice.code if notice else getattr(error, "code", None),
        field=notice.about if notice else getattr(error, "field", None),
        job_id=getattr(error, "job_id", None),
    )


def answer_problem(
    problem_type: ProblemType, detail: str, headers: Mapping[str, str] | None = None, **about: str | None
) -> Response:
    """Return an answer of that problem type."""
    problem = Problem(
        type=f"{_TYPE}{problem_type.name}", title=problem_type.title, status=problem_type.status, detail=detail, **about
    )
    body = problem.model_dump_json(exclude_none=True)
    return Response(
        body, problem_type.status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
    )


def describe_problems(*statuses: int) -> Responses:
    """Describe a route's errors for OpenAPI."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


async def _handle_nothing_new(request: Request, error: errors.NothingNewError) -> Response:
    del request, error
    return Response(status_code=HTTPStatus.NO_CONTENT)


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        PipelineError: _handle,
        errors.AppError: _handle,
        Exception: _handle,
        HTTPException: _handle_http,
        RequestValidationError: _handle_validation,
        ClientDisconnect: _handle_disconnect,
        errors.NothingNewError: _handle_nothing_new,
    }
    for cls, handler in handlers.items():
        app.add_exception_handler(cls, handler)


def add_handlers_to_mounts(app: FastAPI) -> None:
    """Make the apps that are mounted on this one, such as the page, answer errors with problems, too."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.add_exception_handler(HTTPException, _handle_http)  # type: ignore[arg-type] # takes what it says
            route.app.add_exception_handler(ClientDisconnect, _handle_disconnect)  # type: ignore[arg-type]


def refuse_other_methods(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Answer 405 to other methods on the routers' paths, and say which there are.

    Without this the page, mounted at `/`, would answer 404.
    """
    allowed: dict[str, set[str]] = {}
    for route in (route for router in routers for route in router.routes if isinstance(route, Route)):
        allowed.setdefault(route.path, set()).update(route.methods or ())
    for path, methods in allowed.items():
        told = methods | ({"HEAD"} if "GET" in methods else set()) | {"OPTIONS"}
        app.add_route(path, _refuse(told), methods=sorted(_METHODS - methods), include_in_schema=False)


def _refuse(allowed: set[str]) -> Callable[[Request], Awaitable[Response]]:
    headers = {"Allow": ", ".join(sorted(allowed))}

    async def refuse(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
        raise HTTPException(405, headers=headers)

    return refuse


async def _handle(request: Request, error: Exception) -> Response:
    del request
    return answer_error(error)


def answer_nothing(path: str) -> Response:
    """Return the answer to a request for a path that does not exist."""
    return answer_problem(
        ProblemType(404, "not-found", "Not Found"), f"There is nothing at {path}. See /docs for what there is."
    )


async def _handle_http(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer_nothing(request.url.path)
    details = {
        405: f"{request.method} is not possible at {request.url.path}. See /docs for what is.",
    }
    status = HTTPStatus(error.status_code)
    problem_type = ProblemType(status, status.phrase.lower().replace(" ", "-"), status.phrase)
    return answer_problem(problem_type, details.get(status, error.detail or status.description), headers=error.headers)


async def _handle_validation(request: Request, error: RequestValidationError) -> Response:
    del request
    first = error.errors()[0]
    place, *_, field = map(str, first["loc"] if len(first["loc"]) > 1 else ("", *first["loc"]))
    told = explain_mistake(first, kind="parameter" if place == "query" else "field")
    return answer_problem(PROBLEM_TYPES[errors.BodyError], f"{shorten(field)}: {told}", field=shorten(field))


async def _handle_disconnect(request: Request, error: ClientDisconnect) -> Response:
    del request, error
    return Response(status_code=400)  # the client has gone


def _find_headers(error: Exception) -> dict[str, str]:
    match error:
        case (
            errors.QueueFullError()
            | errors.DecodingError()
            | errors.ServerStoppingError()
            | errors.GuessesError()
            | errors.AccountsError()
            | errors.UploadLimitError()
            | errors.ResendTooSoonError()
            | errors.StillTakenError()
        ):
            return {"Retry-After": str(error.retry_after_seconds)}
        case errors.LimitError(retry_after_seconds=seconds, headers=headers):
            return dict(headers) | ({} if seconds is None else {"Retry-After": str(seconds)})
        case errors.RangeError():
            return {"Content-Range": f"bytes */{error.num_bytes}"}
        case errors.PasswordError():
            return {"WWW-Authenticate": _BEARER if error.is_browser else f"{_BASIC}, {_BEARER}"}
        case errors.BodyTooLargeError() | errors.BodyStalledError():
            return {"Connection": "close"}  # the rest of the body is not read
        case _:
            return {}
