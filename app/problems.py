"""The one table from exceptions to statuses, and the answers made of it: problem+json, as RFC 9457 has it."""

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
from app.schemas.answers import Problem
from pipeline.errors import EngineUnavailableError, InputError, InputTooLargeError, PipelineError

Responses = dict[int | str, dict[str, Any]]
"""The answers of a route, as FastAPI takes them for OpenAPI."""

MEDIA_TYPE = "application/problem+json"
UPLOAD_STATUSES = (400, 403, 408, 413, 415, 507)
"""What may be wrong with a request that brings files."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TYPE = "urn:video-lab:problem:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A kind of problem.

    Attributes:
        status: Of the answer.
        name: Last part of the type.
        title: The same for all problems of the kind.
    """

    status: int
    name: str
    title: str


UNEXPECTED = Kind(500, "unexpected", "Something unexpected went wrong")
KINDS: Mapping[type[Exception], Kind] = {
    InputError: Kind(400, "invalid-input", "The input cannot be used"),
    InputTooLargeError: Kind(413, "too-large", "The input is too large"),
    EngineUnavailableError: Kind(503, "unavailable-here", "The profile is not available here"),
    errors.BodyError: Kind(400, "invalid-body", "The request cannot be read"),
    errors.BodyTooLargeError: Kind(413, "too-large", "The input is too large"),
    errors.BodyStalledError: Kind(408, "stalled", "The request did not arrive whole"),
    errors.CrossSiteError: Kind(403, "cross-site", "The request comes from another site"),
    errors.HostError: Kind(421, "wrong-host", "The app has another name"),
    errors.MediaTypeError: Kind(415, "unsupported-media-type", "The request's content type is not accepted"),
    errors.PasswordError: Kind(401, "password-needed", "A password is needed"),
    errors.GuessesError: Kind(429, "too-many-guesses", "Too many wrong passwords"),
    errors.RangeError: Kind(416, "range", "The range lies outside of the video"),
    errors.UploadNotFoundError: Kind(404, "upload-not-found", "There is no such upload"),
    errors.UploadLimitError: Kind(429, "too-many-uploads", "Too much has been uploaded"),
    errors.StorageError: Kind(507, "storage-full", "The server's disk is full"),
    errors.QueueFullError: Kind(503, "queue-full", "The queue is full"),
    errors.DecodingError: Kind(503, "busy", "Photos and recordings cannot be read at the moment"),
    errors.BudgetError: Kind(429, "budget-spent", "The day's budget is spent"),
    errors.JobNotFoundError: Kind(404, "job-not-found", "There is no such job"),
    errors.JobSetAsideError: Kind(503, "job-set-aside", "The job cannot be read"),
    errors.ServerStoppingError: Kind(503, "stopping", "The server is stopping"),
    errors.JobNotFinishedError: Kind(409, "no-video", "The job has no video"),
    errors.JobExpiredError: Kind(410, "expired", "The job's files have been deleted"),
    errors.JobFailedError: Kind(500, "job-failed", "The video could not be made"),
    errors.JobTimeLimitError: Kind(504, "job-time-limit", "The video took too long to make"),
    errors.JobCancelledError: Kind(409, "job-cancelled", "The job was cancelled"),
    errors.RequestLimitError: Kind(504, "request-limit", "The video takes longer than the request may"),
    Exception: UNEXPECTED,
}


def find_kind(error: Exception) -> Kind:
    """Return the kind of the nearest class in the table."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def answer_error(error: Exception) -> Response:
    """Make the answer for an exception of the table; of others nothing is told."""
    kind = find_kind(error)
    if kind is UNEXPECTED:
        detail = "Something unexpected went wrong here; the server's log has the details. Try again."
        return answer_problem(kind, detail)
    notice = error.notice if isinstance(error, InputError) else None
    return answer_problem(
        kind,
        str(error),
        headers=_find_headers(error),
        code=notice.code if notice else getattr(error, "code", None),
        field=notice.about if notice else getattr(error, "field", None),
        job_id=getattr(error, "job_id", None),
    )


def answer_problem(kind: Kind, detail: str, headers: Mapping[str, str] | None = None, **about: str | None) -> Response:
    """Make an answer of that kind."""
    problem = Problem(type=f"{_TYPE}{kind.name}", title=kind.title, status=kind.status, detail=detail, **about)
    body = problem.model_dump_json(exclude_none=True)
    return Response(body, kind.status, headers={"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def describe_problems(*statuses: int) -> Responses:
    """Describe the errors of a route for OpenAPI."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def add_handlers(app: FastAPI) -> None:
    """Answer every error of the app as a problem."""
    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        PipelineError: _handle,
        errors.AppError: _handle,
        Exception: _handle,
        HTTPException: _handle_http,
        RequestValidationError: _handle_validation,
        ClientDisconnect: _handle_disconnect,
    }
    for cls, handler in handlers.items():
        app.add_exception_handler(cls, handler)


def add_handlers_to_mounts(app: FastAPI) -> None:
    """Have the apps that are mounted on this one, such as the page, answer their errors as problems, too."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            route.app.add_exception_handler(HTTPException, _handle_http)  # type: ignore[arg-type] # takes what it says
            route.app.add_exception_handler(ClientDisconnect, _handle_disconnect)  # type: ignore[arg-type]


def refuse_other_methods(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Answer 405 for paths of the routers; otherwise the page, mounted at `/`, would answer that there is nothing."""
    allowed: dict[str, set[str]] = {}
    for route in (route for router in routers for route in router.routes if isinstance(route, Route)):
        allowed.setdefault(route.path, set()).update(route.methods or ())
    for path, methods in allowed.items():
        app.add_route(path, _refuse(methods), methods=sorted(_METHODS - methods), include_in_schema=False)


def _refuse(allowed: set[str]) -> Callable[[Request], Awaitable[Response]]:
    async def refuse(request: Request) -> Response:
        del request
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})

    return refuse


async def _handle(request: Request, error: Exception) -> Response:
    del request
    return answer_error(error)


def answer_nothing(path: str) -> Response:
    """Make the answer for an address where there is nothing."""
    return answer_problem(
        Kind(404, "not-found", "Not Found"), f"There is nothing at {path}. See /docs for what there is."
    )


async def _handle_http(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return answer_nothing(request.url.path)
    details = {
        405: f"{request.method} is not possible at {request.url.path}. See /docs for what is.",
    }
    status = HTTPStatus(error.status_code)
    kind = Kind(status, status.phrase.lower().replace(" ", "-"), status.phrase)
    return answer_problem(kind, details.get(status, error.detail or status.description), headers=error.headers)


async def _handle_validation(request: Request, error: RequestValidationError) -> Response:
    del request
    first = error.errors()[0]
    field = str(first["loc"][-1])
    return answer_problem(KINDS[errors.BodyError], f"{field}: {first['msg']}.", field=field)


async def _handle_disconnect(request: Request, error: ClientDisconnect) -> Response:
    del request, error
    return Response(status_code=400)  # nobody reads it


def _find_headers(error: Exception) -> dict[str, str]:
    match error:
        case (
            errors.QueueFullError()
            | errors.DecodingError()
            | errors.ServerStoppingError()
            | errors.GuessesError()
            | errors.UploadLimitError()
        ):
            return {"Retry-After": str(error.retry_after_seconds)}
        case errors.BudgetError() if error.retry_after_seconds is not None:
            return {"Retry-After": str(error.retry_after_seconds)}
        case errors.RangeError():
            return {"Content-Range": f"bytes */{error.num_bytes}"}
        case errors.PasswordError():
            return {"WWW-Authenticate": 'Basic realm="video-lab", charset="UTF-8"'}
        case errors.BodyTooLargeError() | errors.BodyStalledError():
            return {"Connection": "close"}  # the rest of the body is not read
        case _:
            return {}
