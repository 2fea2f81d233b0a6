"""The checks of a request before it becomes a job."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.records import JobRecord, JobRequest
from app.settings import MEGABYTE, Settings
from app.storage import JobFolder
from pipeline.errors import InputError, InputTooLargeError
from pipeline.generate import prepare_scene
from pipeline.notices import Field
from pipeline.profiles import Model
from pipeline.types import GenerationRequest


def accept(request: GenerationRequest, model: Model, job_id: str, folder: JobFolder, settings: Settings) -> JobRecord:
    """Copy the request's files into the job's folder, check everything exactly as the run will, and write the record.

    Raises:
        InputError: Something cannot be used; a file may be larger than the settings allow.
    """
    _copy(request.photo, folder.photo, "image", settings.max_photo_bytes)
    _copy(request.voice, folder.voice, "audio", settings.max_voice_bytes)
    scene = prepare_scene(replace(request, photo=folder.photo, voice=folder.voice))
    record = JobRecord(
        id=job_id,
        model=model,
        request=JobRequest.of(request),
        created_at=datetime.now(UTC),
        speech_seconds=scene.speech.sound.duration_seconds,
        notices=scene.portrait.notices + scene.speech.notices,
    )
    folder.write(record)
    return record


def _copy(source: Path, target: Path, about: Field, limit: int) -> None:
    try:
        size = source.stat().st_size
        if size <= limit:
            shutil.copyfile(source, target)
            return
    except FileNotFoundError:
        raise InputError("request.file_gone", about) from None
    raise InputTooLargeError(
        "request.large_file", about, megabytes=round(size / MEGABYTE, 1), limit=round(limit / MEGABYTE, 1)
    )
