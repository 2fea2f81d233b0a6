"""A checked scene as a file: what was looked at when a job was submitted is what its run gets.

Arrays and one JSON text, nothing that is unpickled. Strangers' files are opened by the process that writes it, and may
have taken that over: whoever reads it believes none of it.
"""

import math
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from app.records import Frozen, Resolved
from app.storage import write_whole
from pipeline.engines import PROFILES
from pipeline.notices import Notice
from pipeline.profiles import Sampling
from pipeline.request import MAX_SECONDS, find_option
from pipeline.scene import MAX_SPEAKERS, Scene, Speaker, Still, count_frames
from pipeline.types import MAX_FACES, SPEECH_SAMPLING_RATE, Box, Face, Hearing, Sound, SoundMix, SoundPart

VERSION = 2
"""Of the files that are written. A scene of another version is prepared anew from the files that were uploaded."""
_MAX_BYTES = 256_000_000
"""Four voices of ten minutes have 154 MB."""
_MAX_SECONDS = MAX_SECONDS + 1
"""A second over is let pass where recordings are read."""
_MAX_SIDE = 2_048
_MAX_FRAME_RATE = 60
_LANDMARKS = 478
_TEXT = "scene"
_VERSION = "version"

Arrays = dict[str, npt.NDArray[Any]]


class SceneFileError(Exception):
    """The file is none that `write_scene` writes."""


def _limit(name: str) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    lowest, highest = find_option(name).limits
    return Field(ge=lowest, le=highest)


class _FoundFace(Frozen):
    """A face without its landmarks, which are an array."""

    box: Box
    score: float


class _Recording(Frozen):
    """What is heard of a recording.

    Attributes:
        voice: Which of the job's recordings, in the order in which they were given.
        offset_seconds: Where on the video's time it begins.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    voice: Annotated[int, Field(ge=0, lt=MAX_SPEAKERS)]
    offset_seconds: Annotated[float, Field(ge=0, le=_MAX_SECONDS)]
    start_seconds: Annotated[float, Field(ge=0)]
    duration_seconds: Annotated[float, Field(gt=0, le=_MAX_SECONDS)]
    hearing: Hearing | None


class _Text(Frozen):
    """What of a scene is no array."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    faces: Annotated[tuple[_FoundFace, ...], Field(min_length=1, max_length=MAX_SPEAKERS)]
    bystanders: Annotated[tuple[_FoundFace, ...], Field(max_length=MAX_FACES)]
    recordings: Annotated[tuple[_Recording, ...], Field(min_length=1, max_length=MAX_SPEAKERS)]
    is_mixed: bool
    duration_seconds: Annotated[float, Field(gt=0, le=_MAX_SECONDS)]
    gain: Annotated[float, Field(gt=0, le=1)]
    frame_rate: Annotated[int, Field(ge=1, le=_MAX_FRAME_RATE)]
    prompt: Annotated[str, Field(max_length=find_option("prompt").max_length)]
    seed: Annotated[int, _limit("seed")]
    profile: str
    num_inference_steps: Annotated[int, Field(ge=0, le=find_option("num_inference_steps").maximum)]
    guidance_scale: Annotated[float, _limit("guidance_scale")]
    audio_guidance_scale: Annotated[float, _limit("audio_guidance_scale")]
    notices: tuple[Notice, ...]


_TEXTS = TypeAdapter(_Text)


def resolve(scene: Scene) -> Resolved:
    """Return what a job's record keeps of its scene."""
    size = scene.source.size
    return Resolved(
        seed=scene.seed,
        seconds=scene.sound.duration_seconds,
        width=size.width,
        height=size.height,
        options=asdict(scene.profile.options),
        **asdict(scene.sampling),
    )


def write_scene(path: Path, scene: Scene, *voices: Path) -> None:
    """Write a scene whose source is a still, so that it outlives a crash; the file appears when it is whole.

    Args:
        path: The file.
        scene: What to write.
        voices: All recordings that were given, as `read_scene` takes them; not all of them need be heard.
    """
    if not isinstance(scene.source, Still):
        raise TypeError(f"Expected a still, got {type(scene.source).__name__}.")
    speakers, sound = scene.speakers, scene.sound
    faces = [speaker.face for speaker in speakers]
    arrays = {
        "frame": scene.source.frame,
        "landmarks": np.stack([face.landmarks for face in (*faces, *scene.bystanders)]),
        "waveforms": np.stack([speaker.waveform for speaker in speakers]),
        "activities": np.stack([speaker.activity for speaker in speakers]),
    }
    text = _Text(
        faces=_strip(faces),
        bystanders=_strip(scene.bystanders),
        recordings=_list_recordings(sound, voices),
        is_mixed=isinstance(sound, SoundMix),
        duration_seconds=sound.duration_seconds,
        gain=sound.gain if isinstance(sound, SoundMix) else 1.0,
        frame_rate=scene.frame_rate,
        prompt=scene.prompt,
        seed=scene.seed,
        profile=scene.profile.name,
        num_inference_steps=scene.sampling.num_inference_steps,
        guidance_scale=scene.sampling.guidance_scale,
        audio_guidance_scale=scene.sampling.audio_guidance_scale,
        notices=scene.notices,
    )
    metadata = {_VERSION: str(VERSION), _TEXT: text.model_dump_json()}
    write_whole(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata))


def _strip(faces: Iterable[Face]) -> tuple[_FoundFace, ...]:
    return tuple(_FoundFace(box=face.box, score=face.score) for face in faces)


def _list_recordings(sound: Sound | SoundMix, voices: Sequence[Path]) -> tuple[_Recording, ...]:
    """Return what is heard of each file, by its number: where the files lie is the reader's own to know."""
    parts = sound.parts if isinstance(sound, SoundMix) else (SoundPart(sound, 0.0),)
    return tuple(
        _Recording(
            voice=voices.index(part.sound.path),
            offset_seconds=part.offset_seconds,
            start_seconds=part.sound.start_seconds,
            duration_seconds=part.sound.duration_seconds,
            hearing=part.sound.hearing,
        )
        for part in parts
    )


def read_scene(path: Path, *voices: Path) -> Scene | None:
    """Return the scene of a file; None if there is none, or another version of the app wrote it.

    Args:
        path: The file.
        voices: The recordings that the video's sound is read from, in the order of their speakers.

    Raises:
        SceneFileError: It is damaged, or holds what no photo and no voice can give.
    """
    try:
        _check_file(path)
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get(_VERSION) != str(VERSION):
                return None
            text = _TEXTS.validate_json(metadata.get(_TEXT, ""))
            return _assemble(text, _read_arrays(file, text), voices)
    except FileNotFoundError:
        return None
    except (SafetensorError, ValidationError, ValueError, LookupError, AttributeError) as error:
        # Not the error's own text, which may quote the file.
        raise SceneFileError(f"{path.name} is not understood ({type(error).__name__}).") from None


def _check_file(path: Path) -> None:
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode) or state.st_size > _MAX_BYTES:
        raise SceneFileError(f"{path.name} is no file of up to {_MAX_BYTES} bytes.")


def _read_arrays(file: Any, text: _Text) -> Arrays:  # noqa: ANN401 - safetensors' reader is not typed
    """Read the arrays after their types and shapes have been found to be possible."""
    num_speakers, num_faces = len(text.faces), len(text.faces) + len(text.bystanders)
    most_samples = _MAX_SECONDS * SPEECH_SAMPLING_RATE + 1
    allowed: dict[str, tuple[str, Callable[[list[int]], bool]]] = {
        "frame": ("U8", lambda shape: len(shape) == 3 and max(shape[:2]) <= _MAX_SIDE and shape[2] == 3),
        "landmarks": ("F32", lambda shape: shape == [num_faces, _LANDMARKS, 3]),
        "waveforms": ("F32", lambda shape: len(shape) == 2 and shape[0] == num_speakers and shape[1] <= most_samples),
        "activities": ("F32", lambda shape: len(shape) == 2 and shape[0] == num_speakers),
    }
    if set(file.keys()) != set(allowed):
        raise ValueError("There are other arrays than a scene has.")
    for name, (dtype, fits) in allowed.items():
        head = file.get_slice(name)
        if head.get_dtype() != dtype or not fits(head.get_shape()) or 0 in head.get_shape():
            raise ValueError(f"{name} has a wrong type or shape.")
    arrays = {name: file.get_tensor(name) for name in allowed}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ValueError("Some number is none.")
    return arrays


def _assemble(text: _Text, arrays: Arrays, voices: tuple[Path, ...]) -> Scene:
    """Put the scene together; it checks for itself that its parts fit."""
    _check_text(text)
    found = zip((*text.faces, *text.bystanders), arrays["landmarks"], strict=True)
    faces = [Face(face.box, face.score, points) for face, points in found]
    num_speakers = len(text.faces)
    speakers = zip(faces[:num_speakers], arrays["waveforms"], arrays["activities"], strict=True)
    return Scene(
        source=Still(arrays["frame"]),
        speakers=tuple(Speaker(face, waveform, activity) for face, waveform, activity in speakers),
        sound=_assemble_sound(text, voices),
        frame_rate=text.frame_rate,
        num_frames=count_frames(arrays["waveforms"].shape[1], text.frame_rate),
        prompt=text.prompt,
        seed=text.seed,
        profile=PROFILES[text.profile],
        sampling=Sampling(text.num_inference_steps, text.guidance_scale, text.audio_guidance_scale),
        notices=text.notices,
        bystanders=tuple(faces[num_speakers:]),
    )


def _assemble_sound(text: _Text, voices: tuple[Path, ...]) -> Sound | SoundMix:
    parts = tuple(
        SoundPart(Sound(voices[one.voice], one.start_seconds, one.duration_seconds, one.hearing), one.offset_seconds)
        for one in text.recordings
    )
    if text.is_mixed:
        return SoundMix(parts, text.duration_seconds, text.gain)
    (part,) = parts
    if part.sound.duration_seconds != text.duration_seconds:
        raise ValueError("One recording has two lengths.")
    return part.sound


def _check_text(text: _Text) -> None:
    """Check what its types leave open."""
    for notice in text.notices:
        notice.text  # noqa: B018 - it is made when it is read
    faces = (*text.faces, *text.bystanders)
    numbers = [number for face in faces for number in (*vars(face.box).values(), face.score)]
    for hearing in (one.hearing for one in text.recordings if one.hearing is not None):
        numbers += [gain for mix in hearing.mixes for row in mix.gains for gain in row]
        if hearing.track < 0 or hearing.num_channels not in {1, 2} or hearing.sampling_rate < 1:
            raise ValueError("Nobody can hear so.")
    if not all(map(math.isfinite, numbers)):
        raise ValueError("Some number is none.")
