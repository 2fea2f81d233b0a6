"""What can be asked for, and what it takes."""

from dataclasses import asdict

from fastapi import APIRouter, Request

from app.jobs import Jobs
from app.problems import describe_problems
from app.routes.bodies import read_json
from app.routes.dependencies import JobsOfApp
from app.routes.openapi import describe_body
from app.schemas.answers import BetterAnswer, EstimateAnswer, ProfileAnswer
from app.schemas.bodies import EstimateBody
from pipeline.engines import PROFILES, get_engine_spec, get_profile
from pipeline.estimate import Better
from pipeline.profiles import Profile

router = APIRouter(tags=["profiles"])


@router.get("/profiles", summary="See the quality profiles")
async def list_profiles(jobs: JobsOfApp) -> list[ProfileAnswer]:
    """Answer with what each profile does, and which are available here."""
    return [_describe(profile, jobs) for profile in PROFILES.values()]


@router.post(
    "/estimate",
    summary="Estimate time and cost",
    responses=describe_problems(400, 408, 413, 415),
    openapi_extra=describe_body(EstimateBody),
)
async def estimate_video(request: Request, jobs: JobsOfApp) -> EstimateAnswer:
    """Answer with what a video is likely to take, also of a profile that is not available here."""
    body = await read_json(request, EstimateBody)
    profile = get_profile(body.profile)
    estimate = jobs.estimate(profile, body.audio_duration, body.num_inference_steps)
    availability = jobs.availability(profile)
    return EstimateAnswer(
        profile=profile.name,
        seconds=round(estimate.seconds, 1),
        loading_seconds=round(estimate.loading_seconds, 1),
        cost_usd=round(estimate.dollars, 4),
        basis=estimate.basis,
        available=availability.available,
        gpu=availability.gpu if get_engine_spec(profile.model).needs_gpu else None,
        better=_describe_better(estimate.better, availability.gpu_setting),
    )


def _describe_better(better: Better | None, setting: str) -> BetterAnswer | None:
    if better is None:
        return None
    return BetterAnswer(
        gpu=better.gpu,
        seconds=round(better.seconds, 1),
        cost_usd=round(better.dollars, 4),
        setting=f"{setting}={better.gpu}",
    )


def _describe(profile: Profile, jobs: Jobs) -> ProfileAnswer:
    availability, sampling, options = jobs.availability(profile), profile.sampling, asdict(profile.options)
    return ProfileAnswer(
        name=profile.name,
        model=profile.model,
        title=profile.title,
        summary=profile.summary,
        resolution=profile.resolution,
        mode=profile.mode,
        num_inference_steps=sampling.num_inference_steps,
        guidance_scale=sampling.guidance_scale,
        audio_guidance_scale=sampling.audio_guidance_scale,
        tea_cache=options.get("tea_cache", False),
        options=options,
        available=availability.available,
        reason=availability.reason,
    )
