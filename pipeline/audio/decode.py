"""Decode an uploaded recording piece by piece."""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from pipeline.audio.blocks import Block, gather_blocks
from pipeline.audio.chunks import measure_missing
from pipeline.audio.container import explain_errors, open_container, rank_tracks
from pipeline.audio.damage import Damage, Promise, Timeline
from pipeline.audio.files import FilePart, measure_file, open_file
from pipeline.audio.formats import BARE_STREAMS, SEVERAL_TRACKS, Format, sniff_format
from pipeline.audio.frames import count_lost_frames
from pipeline.audio.ogg import Link, find_links
from pipeline.errors import InputError, InputTooLargeError
from pipeline.request import MAX_SECONDS

__all__ = ["Block", "Damage", "Packing", "decode_recording", "list_tracks", "read_packing"]

_TOLERATED_SECONDS = 1
_MAX_PACKETS = 500_000
"""Twice as many as ten minutes have in the smallest packets that there are, of 2.5 milliseconds."""
_MAX_READING_ERRORS = 20


@dataclass(frozen=True)
class Packing:
    """How a recording is stored.

    Attributes:
        container: FFmpeg's name of the file's kind, such as `wav` or `mov`, which M4A is too.
        codec: FFmpeg's name of what is in it, such as `pcm_s16le`.
    """

    container: str
    codec: str


def decode_recording(path: Path, damage: Damage | None = None, track: int | None = None) -> Iterator[Block]:
    """Yield the recording from its beginning to its end, in blocks of about a second.

    Time is counted in samples: headers that claim another length are not believed.

    Args:
        path: The file as it was uploaded.
        damage: Takes what was skipped or is missing.
        track: Which of several tracks, by its number in the file; None takes the one that players choose.

    Raises:
        InputError: The file is not a recording of an accepted kind.
        InputTooLargeError: It has too many bytes or seconds.
    """
    seconds = Fraction(0)
    with open_file(path) as file:
        for block in gather_blocks(_decode_file(file, damage or Damage(), track)):
            seconds += block.seconds
            if seconds > MAX_SECONDS + _TOLERATED_SECONDS:
                raise InputTooLargeError("audio.too_long", "audio", limit_minutes=int(MAX_SECONDS // 60))
            yield block


def read_packing(path: Path) -> Packing:
    """Return how a recording is stored, which its name need not say.

    Raises:
        InputError: The file is not a recording of an accepted kind.
        InputTooLargeError: It has too many bytes.
    """
    with _open_first(path) as container:
        return Packing(container.format.name, rank_tracks(container)[0].codec_context.name)


def has_picture(path: Path) -> bool:
    """Whether a file has moving pictures besides its sound; the cover of an album is none.

    Raises:
        InputError: The file is not a recording of an accepted kind.
    """
    with _open_first(path) as container:
        return any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video)


def list_tracks(path: Path) -> list[int]:
    """Return the numbers of the tracks that can be decoded, in the order in which players choose one.

    Raises:
        InputError: The file is not a recording of an accepted kind.
        InputTooLargeError: It has too many bytes.
    """
    with open_file(path) as file:
        if _sniff(file).demuxer not in SEVERAL_TRACKS:
            return [0]
    with _open_first(path) as container:
        numbers = [stream.index for stream in container.streams.audio]
        return [numbers.index(stream.index) for stream in rank_tracks(container)]


@contextmanager
def _open_first(path: Path) -> Iterator[InputContainer]:
    with open_file(path) as file:
        kind = _sniff(file)
        with open_container(FilePart(file, kind.first_byte, measure_file(file)), kind.demuxer) as container:
            yield container


def _sniff(file: BinaryIO) -> Format:
    kind = sniff_format(file)
    if kind is None:
        raise InputError("audio.unknown_format", "audio")
    return kind


def _decode_file(file: BinaryIO, damage: Damage, track: int | None) -> Iterator[AudioFrame]:
    """Yield the frames of all that the file holds, one recording after the other."""
    kind = _sniff(file)
    links = _look_through(file, kind, damage)
    num_frames, refusal = 0, InputError("audio.unreadable", "audio")
    for link in links:
        timeline = Timeline()
        try:
            with open_container(FilePart(file, link.start, link.end), kind.demuxer) as container:
                stream = _choose_stream(container, track)
                for frame in _decode_frames(container, stream, timeline, damage):
                    timeline.add(frame)
                    yield frame
                num_bytes = link.end - link.start if kind.demuxer in BARE_STREAMS else 0
                promise = Promise(kind.tells_length, link.page_ends, kind.num_frames, num_bytes)
                damage.missing_seconds += promise.measure_missing(container, stream, timeline)
        except InputError as error:
            if timeline.num_frames:
                raise
            refusal = error
            damage.missing_seconds += _TOLERATED_SECONDS
        num_frames += timeline.num_frames
    if num_frames == 0:
        raise refusal


def _look_through(file: BinaryIO, kind: Format, damage: Damage) -> tuple[Link, ...]:
    """Note what FFmpeg passes over without a word, and return the recordings of which the file is a chain."""
    whole = Link(kind.first_byte, measure_file(file))
    if kind.demuxer == "ogg":
        chain = find_links(file)
        damage.missing_seconds += 0 if chain.is_whole else _TOLERATED_SECONDS
        return chain.links
    if kind.demuxer in {"mp3", "aac"}:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            damage.num_packets += count_lost_frames(content, whole.start)
    damage.missing_seconds += measure_missing(file, kind.demuxer)
    return (whole,)


def _choose_stream(container: InputContainer, track: int | None) -> AudioStream:
    ranked = rank_tracks(container)
    streams = container.streams.audio
    return ranked[0] if track is None or track >= len(streams) else streams[track]


def _decode_frames(
    container: InputContainer, stream: AudioStream, timeline: Timeline, damage: Damage
) -> Iterator[AudioFrame]:
    """Yield what can be decoded; broken packets are skipped, as every player does."""
    packets = container.demux(stream)
    num_reading_errors = 0
    for _ in range(_MAX_PACKETS):
        try:
            with explain_errors():
                packet = next(packets, None)
        except InputError:
            packets = container.demux(stream)
            damage.num_packets += 1
            num_reading_errors += 1
            if num_reading_errors > _MAX_READING_ERRORS:
                return
            continue
        if packet is None:
            return
        try:
            with explain_errors():
                frames = stream.decode(packet)
        except InputError:
            damage.num_packets += 1
            continue
        timeline.num_bytes += packet.size
        yield from frames
    raise InputError("audio.unreadable", "audio")
