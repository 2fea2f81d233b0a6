"""From a request's body to a job."""

from fastapi import Request

from app.callers import find_caller
from app.jobs import Filing, Job, Jobs
from app.records import INPUT_NAMES
from app.routes.bodies import read_files
from app.routes.presence import while_present
from app.schemas.bodies import VideoBody, VideoOptions, read_names, read_request
from app.settings import Settings
from pipeline.request import Inputs, VideoRequest


async def submit(request: Request, jobs: Jobs, settings: Settings) -> Job:
    """Read the body and put a job into the queue.

    Raises:
        BodyError: The body cannot be read.
        InputError: The input cannot be used.
        EngineUnavailableError: The profile cannot run here.
        QueueFullError: No more jobs can wait, or not of this client.
        ServerStoppingError: The server stops.
    """
    caller = find_caller(request.scope)
    jobs.check_room(caller.turn)
    limit_bytes = settings.max_photo_bytes + settings.max_voice_bytes
    with jobs.receive() as folder:
        body = await read_files(request, folder, VideoBody, VideoOptions, limit_bytes)
        asked = read_request(body, VideoRequest)
        inputs: Inputs = {role: folder / role for role in INPUT_NAMES if (folder / role).exists()}
        filing = Filing(owner=caller.key_id, **read_names(body))
        return await while_present(request, jobs.submit(asked, inputs, caller.turn, filing))
