"""Whether a picture or a video was made by a computer, and by which."""

from fastapi import APIRouter, Request

from app.callers import find_caller
from app.problems import UPLOAD_STATUSES, describe_problems
from app.routes.bodies import read_upload
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.routes.openapi import describe_upload
from app.routes.presence import while_present
from app.schemas.answers import CredentialsAnswer, VerifyAnswer, WatermarkAnswer
from app.trust.marker import FoundMarks

router = APIRouter(tags=["trust"])

_FILES = {"video": "The video.", "image": "The picture."}


@router.post(
    "/verify",
    summary="See how a video or a picture was made",
    responses=describe_problems(*UPLOAD_STATUSES, 503),
    openapi_extra=describe_upload(_FILES),
)
async def verify_file(request: Request, jobs: JobsOfApp, settings: SettingsOfApp) -> VerifyAnswer:
    """Answer with what the file's Content Credentials and watermark say, whoever made it. Nothing of it is kept."""
    with jobs.receive() as folder:
        limits = {"video": settings.max_voice_bytes, "image": settings.max_photo_bytes}
        file = await read_upload(request, folder, limits, jobs.verify_quota)
        return _describe(await while_present(request, jobs.verify(file, find_caller(request.scope).turn)))


def _describe(found: FoundMarks) -> VerifyAnswer:
    credentials, watermark = found.credentials, found.watermark
    return VerifyAnswer(
        content_credentials=credentials
        and CredentialsAnswer(
            valid=credentials.valid,
            trusted=credentials.trusted,
            made_here=credentials.made_here,
            issuer=credentials.issuer,
            made_at=credentials.made_at,
            claim_generator=credentials.claim_generator,
        ),
        watermark=watermark and WatermarkAnswer(job=watermark.job, confidence=round(watermark.confidence, 3)),
        watermark_sought=found.is_mark_sought,
        made_here=found.made_here,
    )
