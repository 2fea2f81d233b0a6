"""The checks of a request's files before it becomes a job."""

import shutil
from pathlib import Path

from app.settings import MEGABYTE, Settings
from app.storage import JobFolder
from pipeline.errors import InputError, InputTooLargeError
from pipeline.generate import prepare_scene
from pipeline.notices import Field, Notice
from pipeline.types import GenerationRequest


def copy_files(request: GenerationRequest, folder: JobFolder, settings: Settings) -> None:
    """Copy photo and voice into the job's folder.

    Raises:
        InputError: One is missing, or larger than the settings allow.
    """
    _copy(request.photo, folder.photo, "image", settings.max_photo_bytes)
    _copy(request.voice, folder.voice, "audio", settings.max_voice_bytes)


def check_request(request: GenerationRequest) -> tuple[float, tuple[Notice, ...]]:
    """Read and check everything exactly as the run will.

    Returns:
        Seconds of speech that are used, and warnings.

    Raises:
        InputError: Something cannot be used.
    """
    scene = prepare_scene(request)
    return scene.speech.sound.duration_seconds, scene.portrait.notices + scene.speech.notices


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
