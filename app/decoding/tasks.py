"""What a decoder does, each with one file or two."""

import errno
import io
import wave
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from app.decoding.messages import (
    AnyOrder,
    Array,
    CheckedRequest,
    CheckOrder,
    ConvertOrder,
    ExtractOrder,
    FoundCredentials,
    FoundTurn,
    FoundTurns,
    FoundWatermark,
    FramedPhoto,
    FrameOrder,
    HeardVoice,
    IdentifiedFile,
    IdentifyOrder,
    ListenOrder,
    Result,
    TurnsOrder,
    VerifyOrder,
    WatermarkOrder,
    Written,
)
from app.decoding.samples import sample_frames
from app.records import list_voices
from app.scene_file import resolve, write_scene
from app.storage import JobFolder
from pipeline.audio import has_picture, load_speech, read_packing, read_sound
from pipeline.credentials import read_credentials, read_photo_credentials
from pipeline.errors import InputError
from pipeline.generate import prepare_scene
from pipeline.image import prepare_portrait
from pipeline.image.load import load_photo
from pipeline.image.upright import turn
from pipeline.notices import Field, Notice
from pipeline.turns.find import find_turns
from pipeline.types import SPEECH_PROBABILITY, Floats, Pixels, Sound
from pipeline.watermark import Reader

Turn = Callable[[Field], None]
Done = tuple[Result, list[Array]]

_STAGES: dict[str, Field] = {"photo": "image", "voice": "audio"}
_JPEG_QUALITY = 95
_BYTES_A_SAMPLE = 2
_LOUDEST = 32767


def prepare() -> None:
    """Load what would otherwise be loaded with the first file."""
    Image.init()
    pillow_heif.register_heif_opener()


def perform(order: AnyOrder, turn_to: Turn) -> Done:
    """Do what was ordered.

    Args:
        order: What.
        turn_to: Told the field whose file is read next.

    Returns:
        The result, and its arrays.

    Raises:
        InputError: The file cannot be used.
    """
    return _TASKS[type(order)](order, turn_to)


def _check(order: CheckOrder, turn_to: Turn) -> Done:
    scene = prepare_scene(order.request, order.inputs, lambda stage: turn_to(_STAGES[stage]))
    write_scene(order.scene, scene, *list_voices(order.inputs))
    found = tuple(notice for notice in _keep_credentials(order) if notice not in scene.notices)
    checked = CheckedRequest(
        resolved=resolve(scene),
        speech_seconds=scene.sound.duration_seconds,
        notices=scene.notices + found,
    )
    return checked, []


def _keep_credentials(order: CheckOrder) -> Iterator[Notice]:
    """Write the photo's own credentials beside the scene. None are worth the job: what is in the way is let be."""
    with suppress(Exception):
        own = read_photo_credentials(order.inputs["image"])
        if own is not None and own.archive is not None:
            JobFolder(order.scene.parent).credentials.write_bytes(own.archive)
            yield Notice("photo.credentials", "image")
        if own is not None and own.is_synthetic:
            yield Notice("photo.synthetic", "image")


def _frame(order: FrameOrder, _: Turn) -> Done:
    return FramedPhoto.of(prepare_portrait(order.photo, order.framing, order.resolution))


def _convert(order: ConvertOrder, _: Turn) -> Done:
    pixels = turn(load_photo(order.photo).pixels, order.quarter_turns)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return Written(), [np.frombuffer(buffer.getbuffer(), np.uint8)]


def _listen(order: ListenOrder, _: Turn) -> Done:
    speech, packing = load_speech(order.recording), read_packing(order.recording)
    heard = HeardVoice(
        total_seconds=speech.total_seconds,
        spoken_share=float((speech.activity > SPEECH_PROBABILITY).mean()),
        container=packing.container,
        codec=packing.codec,
        is_plain=speech.sound.hearing is None or speech.sound.hearing.is_plain,
        notices=speech.notices,
    )
    return heard, []


def _identify(order: IdentifyOrder, turn_to: Turn) -> Done:
    """Take for a picture what begins as one; whatever else can be heard is a recording, or a video."""
    try:
        turn_to("image")
        load_photo(order.file)
    except InputError as error:
        if error.notice.code != "photo.format":
            raise
    else:
        return IdentifiedFile(medium="image"), []
    turn_to("audio")
    try:
        seconds = load_speech(order.file).total_seconds
    except InputError as error:
        if error.notice.code == "audio.unknown_format":
            raise InputError("upload.unknown", "request") from None
        raise
    return IdentifiedFile(medium="video" if has_picture(order.file) else "audio", seconds=seconds), []


def _find_turns(order: TurnsOrder, _: Turn) -> Done:
    turns = find_turns(load_speech(order.recording).waveform, order.num_speakers)
    return FoundTurns(turns=tuple(FoundTurn(**asdict(turn)) for turn in turns)), []


def _extract(order: ExtractOrder, _: Turn) -> Done:
    track = read_sound(Sound(order.recording, 0.0, order.total_seconds))
    with wave.open(str(order.target), "wb") as file:
        file.setnchannels(track.num_channels)
        file.setsampwidth(_BYTES_A_SAMPLE)
        file.setframerate(track.sampling_rate)
        for samples in track.pieces:
            file.writeframes(_to_pcm(samples))
    return Written(), []


def _verify(order: VerifyOrder, _: Turn) -> Done:
    return FoundCredentials(credentials=read_credentials(order.file, order.known, order.trust_list)), []


def _read_watermark(order: WatermarkOrder, _: Turn) -> Done:
    reader, is_sought = Reader(), False
    for frame in _read_frames(order.file):
        reader.add(frame)
        is_sought = True
    if reading := reader.read():
        return FoundWatermark(text=reading.payload.text, confidence=reading.confidence), []
    return FoundWatermark(is_sought=is_sought), []


def _read_frames(file: Path) -> Iterator[Pixels]:
    """Yield frames up to where a file is damaged; not up to where memory ends, which a file may want."""
    try:
        yield from sample_frames(file)
    except MemoryError:
        raise
    except (InputError, OSError, ValueError, LookupError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            raise


def _to_pcm(samples: Floats) -> bytes:
    return (samples.T.clip(-1, 1) * np.float32(_LOUDEST)).astype("<i2").tobytes()


_TASKS: dict[type[AnyOrder], Callable[[Any, Turn], Done]] = {
    CheckOrder: _check,
    FrameOrder: _frame,
    ConvertOrder: _convert,
    ListenOrder: _listen,
    IdentifyOrder: _identify,
    TurnsOrder: _find_turns,
    ExtractOrder: _extract,
    VerifyOrder: _verify,
    WatermarkOrder: _read_watermark,
}
