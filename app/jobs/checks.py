"""The checks of a request before it becomes a job."""

import asyncio
import os
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.decoding import Decoders
from app.records import JobRecord, JobRequest, Resolved
from app.settings import MEGABYTE, Settings
from app.storage import JobFolder
from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular
from pipeline.notices import Field
from pipeline.profiles import Model
from pipeline.sampling import choose_seed
from pipeline.types import GenerationRequest


async def accept(
    request: GenerationRequest,
    model: Model,
    job_id: str,
    folder: JobFolder,
    now: datetime,
    *,
    settings: Settings,
    decoders: Decoders,
) -> JobRecord:
    """Copy the request's files into the job's folder, check everything exactly as the run will, and write the record.

    Raises:
        InputError: Something cannot be used; a file may be larger than the settings allow.
        DecodingError: The files cannot be read at the moment.
    """
    await asyncio.to_thread(_copy, request.photo, folder.photo, "image", settings.max_photo_bytes)
    await asyncio.to_thread(_copy, request.voice, folder.voice, "audio", settings.max_voice_bytes)
    checked = await decoders.check(replace(request, photo=folder.photo, voice=folder.voice))
    record = JobRecord(
        id=job_id,
        model=model,
        request=JobRequest.of(request),
        resolved=Resolved(seed=choose_seed(request.seed)),
        created_at=now,
        speech_seconds=checked.speech_seconds,
        notices=checked.notices,
    )
    await asyncio.to_thread(folder.write, record)
    return record


def _copy(source: Path, target: Path, about: Field, limit: int) -> None:
    try:
        file = open_regular(source, follow=False)
    except OSError:
        raise InputError("request.file_gone", about) from None
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise InputTooLargeError(
                "request.large_file", about, megabytes=round(size / MEGABYTE, 1), limit=round(limit / MEGABYTE, 1)
            )
        with target.open("wb") as copy:
            shutil.copyfileobj(file, copy)
