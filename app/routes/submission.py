"""From a request's body to a job."""

from dataclasses import fields

from anyio import to_thread
from fastapi import Request

from app.callers import find_caller
from app.jobs import Filing, Job, Jobs
from app.outbound import check_url
from app.records import INPUT_NAMES
from app.routes.bodies import read_files
from app.routes.once import Attempt, hash_body
from app.routes.presence import while_present
from app.schemas.bodies import VideoBody, VideoOptions, read_names, read_request
from app.settings import Settings
from app.storage import make_id
from pipeline.request import Inputs, VideoRequest

_UNSAID = VideoRequest()


async def submit(request: Request, jobs: Jobs, settings: Settings, attempt: Attempt) -> Job:
    """Read the body and put a job into the queue, or find the one that the same request made before.

    Raises:
        BodyError: The body cannot be read.
        OtherBodyError: It is not that of the request that had its `Idempotency-Key` first.
        InputError: The input cannot be used.
        EngineUnavailableError: The profile cannot run here.
        LimitError: A limit of the caller's key is reached.
        QueueFullError: No more jobs can wait, or not of this client.
        ServerStoppingError: The server stops.
    """
    caller = find_caller(request.scope)
    if attempt.first is None:
        jobs.check_room(caller.turn, caller.key_id)
    limit_bytes = settings.max_photo_bytes + settings.max_voice_bytes
    with jobs.receive() as folder:
        body = await read_files(request, folder, VideoBody, VideoOptions, limit_bytes)
        asked, names = read_request(body, VideoRequest), read_names(body)
        inputs: Inputs = {role: folder / role for role in INPUT_NAMES if (folder / role).exists()}
        if url := names["callback_url"]:
            check_url(url, settings.webhook_hosts, "callback_url")
        job_id = make_id()
        if attempt.claim is not None:
            body_hash = await to_thread.run_sync(_hash, request.url.path, asked, names, inputs)
            if attempt.first is not None:
                attempt.first.check(body_hash)
                return jobs.get(attempt.first.subject)
            await to_thread.run_sync(attempt.begin, body_hash, job_id)
        filing = Filing(owner=caller.key_id, **names)

        async def take() -> Job:
            job = await jobs.submit(asked, inputs, caller.turn, filing, job_id=job_id)
            attempt.keep()
            return job

        return await while_present(request, take())


def _hash(path: str, asked: VideoRequest, names: dict[str, str | None], inputs: Inputs) -> bytes:
    """Return the hash of what is asked for; what a later version may ask for besides does not change it."""
    options = {one.name: getattr(asked, one.name) for one in fields(asked)}
    said = {name: value for name, value in options.items() if value != getattr(_UNSAID, name)}
    return hash_body(path, said | names, {str(role): file for role, file in inputs.items()})
