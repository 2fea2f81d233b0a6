"""From a request's body to a job."""

from pathlib import Path

from fastapi import Request

from app.clients import find_client
from app.jobs import Job, Jobs
from app.routes.bodies import read_files
from app.routes.presence import while_present
from app.schemas.bodies import FramingBody, VideoBody, VideoOptions
from app.settings import Settings
from pipeline.errors import InputError
from pipeline.profiles import get_profile
from pipeline.types import Framing, GenerationRequest


async def submit(request: Request, jobs: Jobs, settings: Settings) -> Job:
    """Read the body and put a job into the queue.

    Raises:
        BodyError: The body cannot be read.
        InputError: The input cannot be used.
        EngineUnavailableError: The profile cannot run here.
        QueueFullError: No more jobs can wait, or not of this client.
        ServerStoppingError: The server stops.
    """
    client = find_client(request.scope)
    jobs.check_room(client)
    limit_bytes = settings.max_photo_bytes + settings.max_voice_bytes
    with jobs.receive() as folder:
        options = await read_files(request, folder, VideoBody, VideoOptions, limit_bytes)
        _check_model(options)
        return await while_present(request, jobs.submit(_make_request(options, folder), client))


def make_framing(options: FramingBody) -> Framing:
    """Return the framing that was asked for."""
    crop = options.crop
    return Framing(options.aspect, options.face, crop.zoom, crop.shift_x, crop.shift_y)


def _check_model(options: VideoOptions) -> None:
    profile = get_profile(options.profile)
    if options.model is not None and options.model != profile.model:
        raise InputError(
            "request.model_mismatch", "model", profile=profile.name, model=profile.model, asked=options.model[:40]
        )


def _make_request(options: VideoOptions, folder: Path) -> GenerationRequest:
    return GenerationRequest(
        photo=folder / "image",
        voice=folder / "audio",
        profile=options.profile,
        prompt=options.prompt,
        start_seconds=options.start_sec,
        max_duration_seconds=options.max_duration_sec,
        seed=options.seed,
        framing=make_framing(options),
        num_inference_steps=options.num_inference_steps,
        guidance_scale=options.guidance_scale,
        audio_guidance_scale=options.audio_guidance_scale,
    )
