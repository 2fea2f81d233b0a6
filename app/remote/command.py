"""One video for a command line elsewhere: files are passed as bytes, and nothing is kept."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.jobs.budget import check_feasible
from app.records import INPUT_NAMES, JobRecord
from app.scene_file import SceneFileError, read_scene, resolve, write_scene
from app.settings import Settings
from app.storage import JobFolder
from app.trust.marker import Marker
from app.trust.sealer import Sealer
from pipeline.credentials import read_photo_credentials
from pipeline.engine import Availability
from pipeline.engines import get_profile
from pipeline.errors import InputError
from pipeline.estimate import estimate
from pipeline.generate import prepare_scene
from pipeline.request import Role, VideoRequest
from pipeline.sampling import choose_sampling

_REQUESTS: TypeAdapter[VideoRequest] = TypeAdapter(VideoRequest)


def check_files(
    photo: bytes,
    voices: Mapping[Role, bytes],
    request: dict[str, Any],
    find_place: Callable[[str], Availability] | None = None,
) -> tuple[str, bytes, bytes]:
    """Check everything, and make the scene for the run.

    Args:
        photo: Content of the picture's file.
        voices: Contents of the recordings' files, by their roles.
        request: Fields of `VideoRequest`.
        find_place: Returns the GPUs of a profile and how long its runs may be expected to take; None skips that check.

    Returns:
        Why it cannot be used, empty if it can; the scene's file; and the photo's own credentials, for `sign_video`.
    """
    try:
        with lay_out(voices, request) as folder:
            folder.photo.write_bytes(photo)
            scene = prepare_scene(folder.read_request(), folder.inputs)
            if find_place is not None:
                _check_time(folder.read().request, scene.sound.duration_seconds, find_place)
            write_scene(folder.scene, scene, *folder.voices)
            own = read_photo_credentials(folder.photo)
            return "", folder.scene.read_bytes(), (own and own.archive) or b""
    except (InputError, ValidationError) as error:
        return str(error), b"", b""


async def choose_mark(settings: Settings) -> str | None:
    """Choose what the mark in a video says, of which no job knows: its short id is drawn. None makes no mark."""
    return await Marker(settings).choose(secrets.token_hex(16))


async def sign_video(
    video: bytes, archive: bytes, request: dict[str, Any], settings: Settings
) -> tuple[bytes, tuple[str, ...]]:
    """Sign a video.

    Args:
        video: The mp4.
        archive: The photo's own credentials, as of `check_files`.
        request: Fields of `VideoRequest`.
        settings: Of the app, whose keys sign.

    Returns:
        The mp4, signed if that could be done; and what was in the way.
    """
    sealer = Sealer(settings)
    with lay_out({}, request) as folder:
        folder.video.write_bytes(video)
        if archive:
            folder.credentials.write_bytes(archive)
        await sealer.seal(folder.read(), folder)
        return folder.video.read_bytes(), tuple(sealer.find_troubles())


def _check_time(request: VideoRequest, speech_seconds: float, find_place: Callable[[str], Availability]) -> None:
    """Refuse a run that would be stopped before it is done.

    Raises:
        InputError: It takes too long.
    """

    def predict(asked: VideoRequest, seconds: float) -> float:
        place, profile = find_place(asked.profile), get_profile(asked.profile)
        kinds, sampling = (place.gpu, *place.fallbacks), choose_sampling(asked, profile)
        return max(estimate(profile, sampling, seconds, kind, None, place.num_gpus).seconds for kind in kinds)

    check_feasible(request, speech_seconds, predict, lambda name: find_place(name).most_seconds)


def record_scene(folder: JobFolder, watermark: str | None = None) -> None:
    """Write into the record what was found and drawn for the scene; if it cannot be used, the run says why."""
    with suppress(SceneFileError):
        if scene := read_scene(folder.scene, *folder.voices):
            found = {
                "speech_seconds": scene.sound.duration_seconds,
                "resolved": resolve(scene),
                "watermark": watermark,
            }
            folder.write(folder.read().model_copy(update=found))


@contextmanager
def lay_out(voices: Mapping[Role, bytes], request: dict[str, Any]) -> Iterator[JobFolder]:
    """Lend a job's folder with record and voices; it is deleted afterwards.

    Raises:
        InputError: There is no such profile.
        ValidationError: A field of the request has a value of the wrong type.
    """
    checked = _REQUESTS.validate_python(request)
    model = get_profile(checked.profile).model
    with TemporaryDirectory() as path:
        folder = JobFolder(Path(path))
        record = JobRecord(
            id="",
            model=model,
            request=checked,
            inputs={role: name for role, name in INPUT_NAMES.items() if role in {"image", *voices}},
            created_at=datetime.now(UTC),
            speech_seconds=0.0,
        )
        folder.write(record)
        for role, voice in voices.items():
            (folder.path / record.inputs[role]).write_bytes(voice)
        yield folder
