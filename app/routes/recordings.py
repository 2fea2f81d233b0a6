"""What is heard in a recording."""

from dataclasses import asdict

from fastapi import APIRouter, Request

from app.callers import find_caller
from app.problems import UPLOAD_STATUSES, describe_problems
from app.routes.bodies import read_files
from app.routes.dependencies import JobsOfApp, SettingsOfApp
from app.routes.openapi import describe_body
from app.routes.presence import while_present
from app.schemas.answers import TurnAnswer, TurnsAnswer
from app.schemas.bodies import TurnsBody, TurnsOptions
from pipeline.turns.count import check_num_speakers

router = APIRouter(tags=["recordings"])


@router.post(
    "/turns",
    summary="Hear who speaks when",
    responses=describe_problems(*UPLOAD_STATUSES, 503),
    openapi_extra=describe_body(TurnsBody, TurnsOptions, is_needed=False),
)
async def find_turns(request: Request, jobs: JobsOfApp, settings: SettingsOfApp) -> TurnsAnswer:
    """Answer with the turns of a conversation; the first voice heard is speaker 0."""
    client = find_caller(request.scope).turn
    with jobs.receive() as folder:
        asked = await read_files(request, folder, TurnsBody, TurnsOptions, settings.max_voice_bytes)
        num_speakers = check_num_speakers(asked.num_speakers)
        turns = await while_present(request, jobs.media.find_turns(folder / "audio", num_speakers, client))
    heard = {turn.speaker for turn in turns}
    return TurnsAnswer(num_speakers=len(heard), turns=[TurnAnswer(**asdict(turn)) for turn in turns])
