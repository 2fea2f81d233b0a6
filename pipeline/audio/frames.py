"""The frame headers of bare MP3, AAC and AC-3 streams, which have no header of the whole file."""

import mmap
import re
from dataclasses import dataclass
from itertools import islice

_Content = bytes | mmap.mmap
_CHAINED_FRAMES = 4
"""So many headers, each where the one before says, are no accident."""
_BIT_RATES = {
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second by MPEG version and layer."""
_SAMPLING_RATES = (44_100, 48_000, 32_000)
_MPEG_2_5, _MPEG_2, _MPEG_1 = 0, 2, 3
_HEADER_BYTES = 7
_FRAME_COUNTS = (
    re.compile(rb"(?:Xing|Info)\0\0\0[\x01\x03\x05\x07\x09\x0b\x0d\x0f](....)", re.DOTALL),
    re.compile(rb"VBRI.{10}(....)", re.DOTALL),
)
_SILENT_FRAME_BYTES = 200
_SYNC = re.compile(rb"\xff(?=[\xe2-\xe7\xf0-\xfd])")
_MAX_CANDIDATES = 10_000
_SEARCHED_BYTES = 1_000_000
"""So much rubbish is looked through for the next frame, and so many places that look like one."""
_TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICSBEGIN")


@dataclass(frozen=True)
class FoundFrames:
    """Where a stream begins.

    Attributes:
        kind: FFmpeg's demuxer, `mp3` or `aac`.
        first_byte: Of the first frame.
    """

    kind: str
    first_byte: int


def sniff_frame(head: bytes) -> str | None:
    """Name the stream whose first frame begins here, by its header alone."""
    if len(head) < 2:
        return None
    if head[:2] == b"\x0b\x77":
        return "eac3" if len(head) > 5 and head[5] >> 3 > 10 else "ac3"
    if head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    is_mpeg_audio = head[1] & 0xE0 == 0xE0 and head[1] & 0x18 != 0x08 and head[1] & 0x06 in {0x02, 0x04}
    return "mp3" if is_mpeg_audio else None


def find_frames(content: _Content, start: int = 0, end: int | None = None) -> FoundFrames | None:
    """Find the first MP3 or AAC frame that others follow without a gap; `end` bounds where it begins."""
    candidates = _SYNC.finditer(content, start, len(content) if end is None else end)
    for candidate in islice(candidates, _MAX_CANDIDATES):
        kind = sniff_frame(content[candidate.start() : candidate.start() + _HEADER_BYTES])
        if kind and _is_chained(content, candidate.start(), kind):
            return FoundFrames(kind, candidate.start())
    return None


def count_lost_frames(content: _Content, first_byte: int) -> int:
    """Return how many frames had room where an MP3 or AAC stream is broken; tags in between are none."""
    found = find_frames(content, first_byte, first_byte + _SEARCHED_BYTES)
    num_frames = num_bytes = lost_bytes = searched_bytes = 0
    while found and searched_bytes < _SEARCHED_BYTES:
        end = found.first_byte
        while size := _measure_frame(content[end : end + _HEADER_BYTES], found.kind):
            end, num_frames, num_bytes = end + size, num_frames + 1, num_bytes + size
        found = find_frames(content, end, end + _SEARCHED_BYTES)
        if found and not content[end : end + 16].startswith(_TAGS):
            lost_bytes += found.first_byte - end
            searched_bytes += found.first_byte - end
    return lost_bytes * num_frames // num_bytes if num_bytes else 0


def read_frame_count(content: bytes, first_byte: int) -> int:
    """Return how many frames an MP3 file says in its first frame that it has; 0 where it does not say."""
    first = content[first_byte : first_byte + _SILENT_FRAME_BYTES]
    for pattern in _FRAME_COUNTS:
        if found := pattern.search(first):
            return int.from_bytes(found[1])
    return 0


def _is_chained(content: _Content, start: int, kind: str) -> bool:
    for _ in range(_CHAINED_FRAMES):
        size = _measure_frame(content[start : start + _HEADER_BYTES], kind)
        if not size:
            return False
        start += size
    return True


def _measure_frame(header: bytes, kind: str) -> int:
    """Return how many bytes the frame has, 0 where its header is none of that kind."""
    if len(header) < _HEADER_BYTES or sniff_frame(header) != kind:
        return 0
    if kind == "aac":
        return (header[3] & 0x03) << 11 | header[4] << 3 | header[5] >> 5
    if kind != "mp3":
        return 0
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if bit_rate in {0, 15} or rate == 3:
        return 0
    bits = 1000 * _BIT_RATES[1 if version == _MPEG_1 else 2, layer][bit_rate - 1]
    sampling_rate = _SAMPLING_RATES[rate] // {_MPEG_1: 1, _MPEG_2: 2, _MPEG_2_5: 4}[version]
    bytes_a_kilobit = 72 if layer == 3 and version != _MPEG_1 else 144
    return bytes_a_kilobit * bits // sampling_rate + (header[2] >> 1 & 1)
