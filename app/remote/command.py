"""One video for a command line elsewhere: files come in and go out as bytes, nothing is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from app.jobs.feasible import check_feasible
from app.records import JobRecord, JobRequest
from app.storage import JobFolder
from pipeline.audio import load_speech
from pipeline.engine import Availability
from pipeline.errors import InputError
from pipeline.estimate import estimate
from pipeline.generate import prepare_scene
from pipeline.profiles import get_profile


def check_files(
    photo: bytes, voice: bytes, request: dict[str, Any], find_place: Callable[[str], Availability] | None = None
) -> str:
    """Check everything exactly as the run will. Returns why it cannot be used; nothing if it can.

    Args:
        photo: The picture's file.
        voice: The recording's file.
        request: Fields of `JobRequest`.
        find_place: Names the GPUs of a profile, and how long its runs may be expected to take; None checks no times.
    """
    try:
        with lay_out(photo, voice, request) as folder:
            scene = prepare_scene(folder.generation_request())
            if find_place is not None:
                _check_time(folder.read().request, scene.speech.sound.duration_seconds, find_place)
    except (InputError, ValidationError) as error:
        return str(error)
    return ""


def _check_time(request: JobRequest, speech_seconds: float, find_place: Callable[[str], Availability]) -> None:
    """Refuse what would be ended before it is done.

    Raises:
        InputError: It takes too long.
    """

    def predict(asked: JobRequest, seconds: float) -> float:
        place, profile = find_place(asked.profile), get_profile(asked.profile)
        kinds = (place.gpu, *place.fallbacks)
        return max(estimate(profile, asked.sampling, seconds, kind, None, place.num_gpus).seconds for kind in kinds)

    check_feasible(request, speech_seconds, predict, lambda name: find_place(name).most_seconds)


def measure(folder: JobFolder) -> None:
    """Write down how long the voice is; where it cannot be used, the run says why."""
    request = folder.generation_request()
    with suppress(InputError):
        speech = load_speech(request.voice, request.start_seconds, request.max_duration_seconds)
        seconds = speech.sound.duration_seconds
        folder.write(folder.read().model_copy(update={"speech_seconds": seconds}))


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
