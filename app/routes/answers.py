"""Turns jobs and notices into what the API answers."""

import hashlib
from collections.abc import Iterable, Mapping

from fastapi import Request, Response

from app.jobs import Job
from app.records import GpuCost
from app.routes.files import is_known
from app.schemas.answers import (
    ConsentAnswer,
    CostAnswer,
    JobAnswer,
    Links,
    Metadata,
    NoticeAnswer,
    ProgressAnswer,
    SpokenAnswer,
)
from pipeline.notices import Notice


def describe_job(job: Job) -> JobAnswer:
    """Describe a job."""
    return JobAnswer(
        job_id=job.id,
        status=job.status,
        profile=job.profile,
        model=job.model,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        expires_at=job.expires_at,
        expired=job.is_expired,
        progress=_describe_progress(job),
        eta_seconds=None if job.eta_seconds is None else round(job.eta_seconds, 1),
        position=job.position,
        audio_duration=round(job.speech_seconds, 3),
        request=job.request,
        consent=job.consent and ConsentAnswer(given_at=job.consent.given_at, wording=job.consent.wording),
        metadata=describe_result(job),
        cost=_describe_cost(job.cost),
        warnings=describe_notices(job.notices),
        error=None if job.error is None else _describe_notice(job.error),
        links=_describe_links(job),
        reference=job.filing.reference,
        batch_id=job.filing.batch_id,
    )


def answer_state(request: Request, job: Job, headers: Mapping[str, str]) -> Response:
    """Answer with a job's state, or that the client has it already.

    The tag leaves out when the job is likely to be done, which changes all the time, so it is a weak one.
    """
    answer = describe_job(job)
    state = answer.model_copy(update={"eta_seconds": None}).model_dump_json()
    tag = f'W/"{hashlib.sha256(state.encode()).hexdigest()[:20]}"'
    headers = {"Cache-Control": "no-store", "ETag": tag, **headers}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(answer.model_dump_json(), media_type="application/json", headers=headers)


def describe_result(job: Job) -> Metadata | None:
    """Describe the job's video; None if there is none."""
    result = job.result
    if result is None:
        return None
    return Metadata(
        job_id=job.id,
        frame_num=result.num_frames,
        audio_duration=round(result.speech_seconds, 3),
        profile=job.profile,
        model=job.model,
        width=result.width,
        height=result.height,
        frame_rate=result.frame_rate,
        seconds=round(result.compute_seconds, 2),
        seed=result.seed,
        gpu=result.cost and result.cost.gpu,
        gpu_seconds=result.cost and result.cost.seconds,
        price_usd=result.cost and result.cost.dollars,
        content_credentials=result.content_credentials,
        watermark=result.watermark,
        warnings=describe_notices(result.notices),
        speakers=[SpokenAnswer(face=one.face, seconds=one.seconds) for one in result.speakers],
        reference=job.filing.reference,
    )


def _describe_cost(cost: GpuCost | None) -> CostAnswer | None:
    return None if cost is None else CostAnswer(gpu=cost.gpu, gpu_seconds=cost.seconds, price_usd=cost.dollars)


def describe_notices(notices: Iterable[Notice]) -> list[NoticeAnswer]:
    """Describe the notices, in English."""
    return [_describe_notice(notice) for notice in notices]


def _describe_notice(notice: Notice) -> NoticeAnswer:
    return NoticeAnswer(code=notice.code, field=notice.about, message=notice.text)


def _describe_progress(job: Job) -> ProgressAnswer | None:
    progress = job.progress
    if progress is None:
        return None
    return ProgressAnswer(
        stage=progress.stage, step=progress.step, steps=progress.num_steps, percent=round(progress.percent, 1)
    )


def _describe_links(job: Job) -> Links:
    path = f"/jobs/{job.id}"
    has_video = job.status == "done" and not (job.is_expired or job.is_hidden)
    return Links(
        job=path,
        events=f"{path}/events",
        video=f"{path}/video" if has_video else None,
        poster=f"{path}/poster" if has_video else None,
    )
