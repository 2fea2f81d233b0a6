"""Files that are sent once, and named in as many requests as there are."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from app.callers import find_caller
from app.errors import BodyTooLargeError
from app.problems import UPLOAD_STATUSES, Responses, describe_problems
from app.routes.bodies import read_upload
from app.routes.dependencies import CallerOfRequest, JobsOfApp, SettingsOfApp, UploadsOfApp
from app.routes.openapi import describe_upload
from app.routes.presence import while_present
from app.schemas.answers import UploadAnswer
from app.settings import MEGABYTE
from app.uploads import Upload

router = APIRouter(prefix="/uploads", tags=["uploads"])

_FILE = {"file": "A photo, a recording, or a video with sound."}
_SENT: Responses = {201: {"headers": {"Location": {"schema": {"type": "string"}, "description": "Of the upload."}}}}


def _find_upload(
    upload_id: Annotated[str, Path(description="As `POST /uploads` answered.")],
    shelf: UploadsOfApp,
    caller: CallerOfRequest,
) -> Upload:
    return shelf.find(upload_id, caller)


UploadOfPath = Annotated[Upload, Depends(_find_upload)]


@router.post(
    "",
    summary="Send a file once",
    status_code=201,
    responses=_SENT | describe_problems(*UPLOAD_STATUSES, 503),
    openapi_extra=describe_upload(_FILE),
)
async def create_upload(
    request: Request,
    response: Response,
    jobs: JobsOfApp,
    settings: SettingsOfApp,
    shelf: UploadsOfApp,
) -> UploadAnswer:
    """Keep a file, whose `id` stands for it as `image_id` or `audio_id` of other requests.

    What it is, its content says. It is kept until it was not used for a day (`expires_at`).
    """
    caller = find_caller(request.scope)
    limit_bytes = max(settings.max_photo_bytes, settings.max_voice_bytes)
    with jobs.receive() as folder:
        file = await read_upload(request, folder, {"file": limit_bytes}, jobs.quota)
        found = await while_present(request, jobs.media.identify(file, caller.turn))
        if found.medium == "image" and file.stat().st_size > settings.max_photo_bytes:
            most = settings.max_photo_bytes / MEGABYTE
            raise BodyTooLargeError(f"The photo has more than {most:g} MB. Send a smaller one.", "file")
        upload = await shelf.add(file, found, caller)
    response.headers["Location"] = f"/uploads/{upload.id}"
    return _describe(upload)


@router.get("/{upload_id}", summary="See an upload", responses=describe_problems(404))
async def get_upload(upload: UploadOfPath, response: Response) -> UploadAnswer:
    """Answer with what is known of the file, as `POST /uploads` did."""
    response.headers["Cache-Control"] = "no-store"
    return _describe(upload)


@router.delete("/{upload_id}", summary="Delete an upload", status_code=204, responses=describe_problems(404))
async def delete_upload(upload: UploadOfPath, shelf: UploadsOfApp) -> None:
    """Delete the file. Jobs that were accepted have it still."""
    shelf.delete(upload)


def _describe(upload: Upload) -> UploadAnswer:
    return UploadAnswer(
        id=upload.id,
        kind=upload.kind,
        num_bytes=upload.num_bytes,
        audio_duration=None if upload.seconds is None else round(upload.seconds, 3),
        expires_at=upload.expires_at,
    )
