"""What can be asked for, and what it takes."""

from fastapi import APIRouter

from app.jobs import Jobs
from app.routes.dependencies import JobsOfApp
from app.schemas import ProfileAnswer
from pipeline.profiles import PROFILES, Profile

router = APIRouter(tags=["profiles"])


@router.get("/profiles", summary="See the quality profiles")
async def list_profiles(jobs: JobsOfApp) -> list[ProfileAnswer]:
    """Answer with what each profile does, and which are available here."""
    return [_describe(profile, jobs) for profile in PROFILES.values()]


def _describe(profile: Profile, jobs: Jobs) -> ProfileAnswer:
    availability = jobs.availability(profile)
    return ProfileAnswer(
        name=profile.name,
        model=profile.model,
        summary=profile.summary,
        resolution=profile.resolution,
        mode=profile.mode,
        num_inference_steps=profile.num_inference_steps,
        guidance_scale=profile.guidance_scale,
        audio_guidance_scale=profile.audio_guidance_scale,
        tea_cache=profile.tea_cache,
        available=availability.available,
        reason=availability.reason,
    )
