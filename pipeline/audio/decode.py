"""Decode an uploaded recording piece by piece, opening nothing but the file itself."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from pipeline.audio.formats import CODECS, sniff_demuxer
from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular
from pipeline.notices import Notice
from pipeline.types import Floats

MAX_BYTES = 100_000_000
MAX_SECONDS = 600
_TOLERATED_SECONDS = 1
_TOLERATED_PACKETS = 2
_MAX_PACKETS = 500_000
"""Twice as many as ten minutes have in the smallest packets that there are, of 2.5 milliseconds."""
_SAMPLING_RATES = range(4_000, 192_001)
MAX_CHANNELS = 8

_CONTAINER_OPTIONS = {
    "protocol_whitelist": "",  # no protocol at all: the bytes come from the open file
    "codec_whitelist": ",".join(sorted(CODECS)),  # pictures inside of a recording are not even probed
    "probesize": "2000000",
    "analyzeduration": "2000000",
}


@dataclass(frozen=True)
class Block:
    """A piece of a recording, as it was recorded.

    Attributes:
        samples: (channels, samples), -1 to 1, all finite.
        sampling_rate: Samples a second and channel.
    """

    samples: Floats
    sampling_rate: int

    @property
    def seconds(self) -> Fraction:
        """How long it sounds, exactly: thousands of blocks are added up."""
        return Fraction(self.samples.shape[1], self.sampling_rate)


@dataclass(frozen=True)
class Packing:
    """How a recording is stored.

    Attributes:
        container: FFmpeg's name of the file's kind, such as `wav` or `mov`, which M4A is too.
        codec: FFmpeg's name of what is in it, such as `pcm_s16le`.
    """

    container: str
    codec: str


@dataclass
class Damage:
    """Counts what could not be decoded.

    Attributes:
        num_packets: Packets that were skipped.
    """

    num_packets: int = 0

    @property
    def notices(self) -> tuple[Notice, ...]:
        """A warning where something is missing; tags that some programs append look like a broken packet too."""
        return (Notice("audio.damaged", "audio"),) if self.num_packets > _TOLERATED_PACKETS else ()


def decode_recording(path: Path, damage: Damage | None = None) -> Iterator[Block]:
    """Yield the recording from its beginning to its end, in blocks of about a second.

    Time is counted in samples: headers that claim another length are not believed.

    Args:
        path: The file as it was uploaded.
        damage: Takes the number of packets that were skipped.

    Raises:
        InputError: The file is not a recording of an accepted kind.
        InputTooLargeError: It has too many bytes or seconds.
    """
    seconds = Fraction(0)
    with _open_container(path) as (container, stream):
        for frames in _gather(_decode_frames(container, stream, damage or Damage())):
            block = _to_block(frames)
            seconds += block.seconds
            if seconds > MAX_SECONDS + _TOLERATED_SECONDS:
                raise InputTooLargeError("audio.too_long", "audio", limit_minutes=MAX_SECONDS // 60)
            yield block


def read_packing(path: Path) -> Packing:
    """Return how a recording is stored, which its name need not say.

    Raises:
        InputError: The file is not a recording of an accepted kind.
        InputTooLargeError: It has too many bytes.
    """
    with _open_container(path) as (container, stream):
        return Packing(container.format.name, stream.codec_context.name)


@contextmanager
def _open_container(path: Path) -> Iterator[tuple[InputContainer, AudioStream]]:
    with _open_file(path) as file, _open_demuxer(file) as container:
        yield container, _choose_stream(container)


@contextmanager
def _open_file(path: Path) -> Iterator[BinaryIO]:
    try:
        file = open_regular(path)
    except OSError as error:
        raise InputError("audio.cannot_open", "audio") from error
    with file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes == 0:
            raise InputError("audio.empty_file", "audio")
        if num_bytes > MAX_BYTES:
            sizes = {"megabytes": num_bytes // 1_000_000, "limit_megabytes": MAX_BYTES // 1_000_000}
            raise InputTooLargeError("audio.too_many_bytes", "audio", **sizes)
        yield file


def _open_demuxer(file: BinaryIO) -> InputContainer:
    demuxer = sniff_demuxer(file)
    if demuxer is None:
        raise InputError("audio.unknown_format", "audio")
    try:
        return av.open(
            file,
            "r",
            format=demuxer,
            container_options=_CONTAINER_OPTIONS,
            metadata_errors="ignore",
            buffer_size=1 << 18,
            io_open=_refuse_to_open,
        )
    except (av.FFmpegError, OSError, ValueError, OverflowError) as error:
        raise InputError("audio.unreadable", "audio") from error


def _refuse_to_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    del url, flags, options
    raise PermissionError("A recording must not name other files.")


def _choose_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise InputError("audio.no_sound", "audio")
    stream = container.streams.audio[0]
    codec = stream.codec_context.name if stream.codec_context else "?"
    if codec not in CODECS:
        raise InputError("audio.unknown_codec", "audio", codec=codec)
    return stream


def _decode_frames(container: InputContainer, stream: AudioStream, damage: Damage) -> Iterator[AudioFrame]:
    """Yield what can be decoded; broken packets are skipped, as every player does."""
    num_frames = 0
    packets = container.demux(stream)
    for _ in range(_MAX_PACKETS):
        try:
            packet = next(packets, None)
            frames = stream.decode(packet) if packet is not None else []
        except (av.FFmpegError, ValueError):
            damage.num_packets += 1
            continue
        if packet is None:
            break
        yield from frames
        num_frames += len(frames)
    else:
        raise InputError("audio.unreadable", "audio")
    if num_frames == 0:
        raise InputError("audio.unreadable", "audio")


def _gather(frames: Iterable[AudioFrame]) -> Iterator[list[AudioFrame]]:
    """Yield lists of frames of one kind: a list costs little more than a frame, and there are 40 frames a second."""
    gathered: list[AudioFrame] = []
    num_samples = 0
    for frame in frames:
        _check_frame(frame)
        if gathered and (num_samples >= frame.sample_rate or _get_kind(frame) != _get_kind(gathered[0])):
            yield gathered
            gathered, num_samples = [], 0
        gathered.append(frame)
        num_samples += frame.samples
    if gathered:
        yield gathered


def _get_kind(frame: AudioFrame) -> tuple[int, int, str]:
    return frame.sample_rate, frame.layout.nb_channels, frame.format.name


def _check_frame(frame: AudioFrame) -> None:
    num_channels = frame.layout.nb_channels
    if frame.sample_rate not in _SAMPLING_RATES or not 1 <= num_channels <= MAX_CHANNELS:
        raise InputError("audio.unusual", "audio", sampling_rate=frame.sample_rate, num_channels=num_channels)


def _to_block(frames: list[AudioFrame]) -> Block:
    samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1)
    if not frames[0].format.is_planar:
        samples = samples.reshape(-1, frames[0].layout.nb_channels).T
    return Block(_to_float(samples), frames[0].sample_rate)


def _to_float(samples: npt.NDArray[Any]) -> Floats:
    """Scale any of FFmpeg's sample types to -1 to 1; what is not a number becomes silence."""
    if samples.dtype.kind == "f":
        clean: Floats = np.nan_to_num(np.clip(samples, -1.0, 1.0), copy=False, nan=0.0).astype(np.float32, copy=False)
        return clean
    full_scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
    middle = full_scale if samples.dtype.kind == "u" else 0.0
    scaled: Floats = (samples.astype(np.float32) - np.float32(middle)) * np.float32(1 / full_scale)
    return scaled
