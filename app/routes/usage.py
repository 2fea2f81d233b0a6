"""What the jobs of a key have taken, and what is left of its limits."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from app.accounts.ledger import Run
from app.accounts.limits import KeyLimits
from app.errors import PeriodError
from app.problems import Responses, describe_problems
from app.routes.dependencies import CallerOfRequest, JobsOfApp
from app.schemas.answers import LimitsAnswer, PeriodAnswer, UsageAnswer

router = APIRouter(tags=["usage"])

_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_COLUMNS = (
    *("job_id", "key", "reference", "profile", "status", "created_at", "ended_at"),
    *("video_seconds", "gpu_seconds", "cost_usd"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What begins a text that spreadsheets compute."""

_CSV: Responses = {200: {"description": "A line a job.", "content": {"text/csv": {"schema": {"type": "string"}}}}}

_Moment = Annotated[str | None, Query(max_length=40, examples=["2026-11-01"])]


@router.get("/usage", summary="See what your jobs have taken", responses=describe_problems(400))
async def show_usage(
    response: Response,
    caller: CallerOfRequest,
    jobs: JobsOfApp,
    begins_at: Annotated[_Moment, Query(alias="from", description="A date or a time; UTC unless it says so.")] = None,
    ends_at: Annotated[_Moment, Query(alias="to", description="Likewise; not included.")] = None,
) -> UsageAnswer:
    """Answer with the sums of the jobs that were accepted in a period: this month, unless one is given.

    Sums stay when jobs are deleted. Without a key they are those of all.
    """
    this_month = _read_month(f"{datetime.now(UTC):%Y-%m}")
    begin = this_month[0] if begins_at is None else _read_moment("from", begins_at)
    end = this_month[1] if ends_at is None else _read_moment("to", ends_at)
    if begin > end:
        raise PeriodError("from", "a moment before `to`")
    sums = jobs.ledger.sum_up(caller.key_id, begin.timestamp(), end.timestamp())
    use = jobs.ledger.find_use(caller.key_id)
    response.headers["Cache-Control"] = "no-store"
    return UsageAnswer(
        key=caller.key_id,
        period=PeriodAnswer(begins_at=begin, ends_at=end),
        jobs=sums.jobs,
        video_seconds=round(sums.video_seconds, 3),
        gpu_seconds=round(sums.gpu_seconds, 1),
        cost_usd=round(sums.dollars, 4),
        limits=_describe_limits(use.limits),
        remaining=_describe_limits(use.remaining),
    )


@router.get(
    "/usage.csv",
    summary="List what each job of a month has taken",
    response_class=StreamingResponse,
    responses=_CSV | describe_problems(400),
)
async def list_usage(
    caller: CallerOfRequest,
    jobs: JobsOfApp,
    month: Annotated[str | None, Query(max_length=20, examples=["2026-11"], description="None: this one.")] = None,
) -> Response:
    """Answer with a table for spreadsheets: the jobs that were accepted in a month (UTC), the oldest first."""
    named = f"{datetime.now(UTC):%Y-%m}" if month is None else month
    begin, end = _read_month(named)
    runs = jobs.ledger.list_runs(caller.key_id, begin.timestamp(), end.timestamp())
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="usage-{named}.csv"'}
    return StreamingResponse(_write_lines(runs), media_type="text/csv; charset=utf-8", headers=headers)


def _write_lines(runs: Iterator[Run]) -> Iterator[str]:
    yield _write_line(_COLUMNS)
    for run in runs:
        texts = (run.job_id, run.key_id, run.reference, run.profile, run.status)
        times = (_show(run.created_at), "" if run.ended_at is None else _show(run.ended_at))
        numbers = (f"{run.video_seconds:.3f}", f"{run.gpu_seconds:.1f}", f"{_find_cost(run):.4f}")
        yield _write_line((*map(_escape, texts), *times, *numbers))


def _write_line(cells: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _escape(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    told = text or ""
    return f"'{told}" if told.startswith(_FORMULA) else told


def _find_cost(run: Run) -> float:
    return 0.0 if run.ended_at is None else run.dollars


def _show(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _read_month(text: str) -> tuple[datetime, datetime]:
    """Return the beginnings of a month and of the next one."""
    try:
        first = date.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else "")
        following = (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise PeriodError("month", "a month such as 2026-11") from None
    return _begin(first), _begin(following)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _read_moment(field: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        moment.timestamp()
    except (ValueError, OverflowError):
        raise PeriodError(field, "a date such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z") from None
    return moment


def _describe_limits(limits: KeyLimits) -> LimitsAnswer:
    return LimitsAnswer(
        jobs_at_once=limits.jobs_at_once, jobs_per_hour=limits.jobs_per_hour, dollars_per_day=limits.dollars_per_day
    )
