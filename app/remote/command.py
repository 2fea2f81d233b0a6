"""One video for a command line elsewhere: files come in and go out as bytes, nothing is kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from app.records import JobRecord, JobRequest
from app.storage import JobFolder
from pipeline.errors import InputError
from pipeline.generate import prepare_scene
from pipeline.profiles import get_profile


def check_files(photo: bytes, voice: bytes, request: dict[str, Any]) -> str:
    """Check everything exactly as the run will. Returns why it cannot be used; nothing if it can.

    Args:
        photo: The picture's file.
        voice: The recording's file.
        request: Fields of `JobRequest`.
    """
    try:
        with lay_out(photo, voice, request) as folder:
            prepare_scene(folder.generation_request())
    except (InputError, ValidationError) as error:
        return str(error)
    return ""


@contextmanager
def lay_out(photo: bytes, voice: bytes, request: dict[str, Any]) -> Iterator[JobFolder]:
    """Lend a job's folder with these files; it is deleted afterwards.

    Raises:
        InputError: There is no such profile.
        ValidationError: A field of the request has a value of a wrong type.
    """
    checked = JobRequest.model_validate(request)
    model = get_profile(checked.profile).model
    with TemporaryDirectory() as path:
        folder = JobFolder(Path(path))
        folder.photo.write_bytes(photo)
        folder.voice.write_bytes(voice)
        record = JobRecord(id="", model=model, request=checked, created_at=datetime.now(UTC), speech_seconds=0.0)
        folder.write(record)
        yield folder
