"""WAV and CAF files that were cut off: FFmpeg believes the file's end, not what its header promises."""

import struct
from typing import BinaryIO

from pipeline.audio.files import measure_file

_NO_SIZE = 0x7FFF_0000
"""Programs that cannot go back to write the size leave about the largest one, or none."""
_MAX_CHUNKS = 1_000


def measure_missing(file: BinaryIO, demuxer: str) -> float:
    """Return how many seconds of the promised samples lie behind the file's end.

    Args:
        file: Open; its place changes.
        demuxer: `wav` or `caf`; others have nothing to say.
    """
    if demuxer == "wav":
        return _follow(file, first=12, header="<4sI", description=b"fmt ", padding=2)
    return _follow(file, first=8, header=">4sq", description=b"desc", padding=1) if demuxer == "caf" else 0.0


def _follow(file: BinaryIO, first: int, header: str, description: bytes, padding: int) -> float:
    place, num_bytes, bytes_a_second = first, measure_file(file), 0.0
    for _ in range(_MAX_CHUNKS):
        if place >= num_bytes:  # also far beyond what a file can have
            break
        file.seek(place)
        if len(start := file.read(struct.calcsize(header))) < struct.calcsize(header):
            break
        name, size = struct.unpack(header, start)
        place += len(start)
        if name == description:
            bytes_a_second = _read_rate(file.read(32), description)
        if name == b"data":
            missing = place + size - num_bytes if 0 < size < _NO_SIZE else 0
            return max(missing, 0) / bytes_a_second if bytes_a_second > 0 else 0.0
        place += max(size, 0) + size % padding
    return 0.0


def _read_rate(chunk: bytes, description: bytes) -> float:
    """Return bytes a second, 0 where packets have no common size."""
    if description == b"fmt ":
        return float(struct.unpack_from("<I", chunk, 8)[0]) if len(chunk) >= 16 else 0.0
    if len(chunk) < 32:
        return 0.0
    rate, _, _, packet_bytes, packet_samples = struct.unpack_from(">d4sIII", chunk)
    return float(rate * packet_bytes / packet_samples) if packet_samples and 0 < rate < 1e6 else 0.0
