"""Many videos at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from app.batches.book import Batch, BatchBook, make_batch, make_id
from app.batches.names import choose_names
from app.batches.rows import Row, RowReader
from app.batches.zip_stream import Entry, measure_zip, write_zip
from app.callers import Caller
from app.errors import BatchNotFoundError, JobError
from app.jobs import Glimpse, Jobs
from app.problems import Responses, describe_problems
from app.routes.bodies import read_json, read_rows
from app.routes.dependencies import BatchesOfApp, CallerOfList, CallerOfRequest, JobsOfApp
from app.routes.once import ONCE, ClaimOfRequest, hash_body, once
from app.routes.openapi import FILE, describe_body
from app.routes.presence import while_present
from app.schemas.answers import BatchAnswer, BatchJobAnswer, BatchList, BatchSummary, EstimateOfBatch
from app.schemas.bodies import BatchBody
from pipeline.sampling import find_profile

router = APIRouter(prefix="/batches", tags=["batches"])

_MOST_BYTES, _MOST_PARTS = 4_000_000, 100_000
_READING = CapacityLimiter(1)
"""A body, and the rows with what holds for all in each, are made to objects for one request at a time."""
_LEFT_OUT = "left_out.txt"
_VIDEOS: Responses = {200: {"description": "The file.", "content": {"application/zip": {"schema": FILE}}}}
_TAKEN: Responses = {
    200: {"model": BatchAnswer, "description": "The estimate, as `dry_run` asked."},
    202: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Of the batch."}}},
}


@dataclass(frozen=True)
class _Checked:
    """Rows that can be taken.

    Attributes:
        batch_id: What the batch is to be called.
        rows: The rows.
        estimate: What they are likely to take.
        num_unchecked: Ways of framing a photo that nobody has looked at.
    """

    batch_id: str
    rows: Sequence[Row]
    estimate: EstimateOfBatch
    num_unchecked: int


def _find_batch(
    batch_id: Annotated[str, Path(description="As `POST /batches` answered.")],
    book: BatchesOfApp,
    caller: CallerOfRequest,
) -> Batch:
    return book.find(batch_id, caller)


BatchOfPath = Annotated[Batch, Depends(_find_batch)]


@router.post(
    "",
    summary="Ask for many videos",
    status_code=202,
    response_model=BatchAnswer,
    responses=_TAKEN | ONCE | describe_problems(400, 403, 408, 413, 415, 429, 503, 507),
    openapi_extra=describe_body(BatchBody),
)
async def create_batch(
    request: Request,
    response: Response,
    *,
    caller: CallerOfRequest,
    claim: ClaimOfRequest,
    jobs: JobsOfApp,
    book: BatchesOfApp,
) -> BatchAnswer:
    """Take up to 1,000 rows, all or none, whose files are uploads; every row is checked before one is taken.

    The jobs are made as there is room, with others' between them, and outlast a restart of the server.
    """
    jobs.check_open()
    with once(jobs.answers, claim) as attempt:
        body = await read_json(request, BatchBody, _MOST_BYTES, _MOST_PARTS, _READING)
        if body.dry_run and attempt.first is None:
            attempt.forget()
            response.status_code = 200
            return _describe_dry_run(await _check(request, body, caller, jobs))
        body_hash = await to_thread.run_sync(hash_body, request.url.path, body.model_dump(), {})
        if attempt.first is not None:
            attempt.first.check(body_hash)
            batch = book.find(attempt.first.subject, caller)
            taken = _describe(batch, _find_jobs(batch, jobs, book))
        else:
            checked = await _check(request, body, caller, jobs)
            await to_thread.run_sync(attempt.begin, body_hash, checked.batch_id)
            taken = await _take(checked, caller, jobs, book)
            attempt.keep()
    limits = jobs.ledger.find_use(caller.key_id).headers
    response.headers.update({"Location": f"/batches/{taken.batch_id}", **limits, **attempt.headers})
    return taken


@router.get("", summary="List your batches", responses=describe_problems(403))
async def list_batches(jobs: JobsOfApp, book: BatchesOfApp, caller: CallerOfList) -> BatchList:
    """Answer with the newest hundred batches of the key; of everybody for who has the password."""
    return BatchList(batches=[_summarize(batch, jobs) for batch in book.list(caller)])


@router.get(
    "/{batch_id}", summary="See how far a batch is", response_model=BatchAnswer, responses=describe_problems(404)
)
async def get_batch(batch: BatchOfPath, jobs: JobsOfApp, book: BatchesOfApp) -> Response:
    """Answer with the batch's state."""
    answer = _describe(batch, _find_jobs(batch, jobs, book))
    headers = {"Cache-Control": "no-store"}
    return Response(answer.model_dump_json(), headers=headers, media_type="application/json")


@router.delete("/{batch_id}", summary="Cancel a batch", responses=describe_problems(404))
async def cancel_batch(batch: BatchOfPath, jobs: JobsOfApp, book: BatchesOfApp) -> BatchAnswer:
    """Cancel the jobs that have not ended; those that are done stay."""
    for job in reversed(_find_jobs(batch, jobs, book)):  # those that wait before those that would make room for them
        if not job.has_ended:
            await jobs.cancel(job.id)
            await asyncio.sleep(0)  # each is written to the disk; others have their turn between two
    return _describe(batch, _find_jobs(batch, jobs, book))


@router.get(
    "/{batch_id}/videos.zip",
    summary="Fetch the videos of a batch",
    response_class=StreamingResponse,
    responses=_VIDEOS | describe_problems(404),
)
async def get_batch_videos(request: Request, batch: BatchOfPath, jobs: JobsOfApp, book: BatchesOfApp) -> Response:
    """Answer with the videos that are there, named by their references.

    It is made while it is sent, from the beginning: a download that broke off has to begin anew. `left_out.txt` in it
    lists the jobs without a video.
    """
    found = _find_jobs(batch, jobs, book)
    entries = await to_thread.run_sync(_list_entries, found, jobs)
    headers = {
        "Content-Length": str(measure_zip(entries)),
        "Content-Disposition": f'attachment; filename="videos-{batch.id[:6]}.zip"',
        "Cache-Control": "no-store",
        "Accept-Ranges": "none",
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/zip")
    return StreamingResponse(write_zip(entries), headers=headers, media_type="application/zip")


async def _check(request: Request, body: BatchBody, caller: Caller, jobs: Jobs) -> _Checked:
    reader, batch_id = _get_reader(request), make_id()
    rows = await reader.read(await to_thread.run_sync(read_rows, body, limiter=_READING), batch_id, caller)
    num_unchecked = await while_present(request, reader.look(rows, caller))
    return _Checked(batch_id, rows, _estimate(rows, jobs), num_unchecked)


async def _take(checked: _Checked, caller: Caller, jobs: Jobs, book: BatchBook) -> BatchAnswer:
    estimate = checked.estimate
    batches: list[Batch] = []

    def commit(job_ids: Sequence[str]) -> None:
        batches.append(make_batch(caller.key_id, job_ids, estimate.seconds, estimate.cost_usd, checked.batch_id))
        book.add(batches[0])

    held = await jobs.hold([row.draft for row in checked.rows], caller.turn, commit)
    return _describe(batches[0], held).model_copy(update={"unchecked_photos": checked.num_unchecked})


def _get_reader(request: Request) -> RowReader:
    reader: RowReader = request.app.state.row_reader
    return reader


def _find_jobs(batch: Batch, jobs: Jobs, book: BatchesOfApp) -> list[Glimpse]:
    found = jobs.find_batch(batch.job_ids)
    if not found:
        book.forget(batch)
        raise BatchNotFoundError
    return found


def _list_entries(found: Sequence[Glimpse], jobs: Jobs) -> list[Entry]:
    entries, left_out = [], []
    for job, name in zip(found, choose_names((job.reference for job in found), ".mp4"), strict=True):
        try:
            entries.append(Entry.of_file(name, jobs.video_path(job.id)))
        except (JobError, OSError) as error:
            reason = str(error) if isinstance(error, JobError) else "Its video is gone."
            left_out.append(f"{job.id}\t{name}\t{reason}\n")
    return [*entries, *([Entry.of_text(_LEFT_OUT, "".join(left_out))] if left_out else ())]


def _estimate(rows: Sequence[Row], jobs: Jobs) -> EstimateOfBatch:
    seconds = dollars = 0.0
    for draft in (row.draft for row in rows):
        profile = find_profile(draft.request)
        one = jobs.estimate(profile, draft.speech_seconds, draft.request.num_inference_steps)
        seconds += one.seconds / jobs.num_parallel(profile)
        dollars += one.dollars
    return EstimateOfBatch(seconds=round(seconds, 1), cost_usd=round(dollars, 4))


def _describe_dry_run(checked: _Checked) -> BatchAnswer:
    return BatchAnswer(
        jobs=[],
        counts={},
        percent=0,
        estimate=checked.estimate,
        unchecked_photos=checked.num_unchecked,
    )


def _describe(batch: Batch, found: Sequence[Glimpse]) -> BatchAnswer:
    return BatchAnswer(
        batch_id=batch.id,
        created_at=batch.created_at,
        jobs=[BatchJobAnswer(job_id=job.id, reference=job.reference, status=job.status) for job in found],
        counts=Counter(job.status for job in found),
        percent=round(sum(job.percent for job in found) / max(len(found), 1), 1),
        estimate=EstimateOfBatch(seconds=batch.seconds, cost_usd=batch.dollars),
    )


def _summarize(batch: Batch, jobs: Jobs) -> BatchSummary:
    counts = jobs.count_batch(batch.job_ids)
    return BatchSummary(batch_id=batch.id, created_at=batch.created_at, num_jobs=len(batch.job_ids), counts=counts)
