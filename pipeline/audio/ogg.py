"""Ogg files that hold several recordings one after the other, as radio streams and joined voice messages do.

FFmpeg reads the first one, and of the others only those that are of the same kind, rate and channels.
"""

import mmap
import struct
from dataclasses import dataclass
from typing import BinaryIO

from pipeline.audio.files import measure_file

_CAPTURE = b"OggS\0"
_HEADER = struct.Struct("<Bq12xB")
"""Of each page, after its first bytes: flags, where its last sample stands, and how many segments it has."""
_HEADER_BYTES = 27
_FIRST_PAGE = 2
MAX_LINKS = 200
_MAX_PAGES = 500_000


@dataclass(frozen=True)
class Link:
    """One of the recordings in a chain.

    Attributes:
        start: Its first byte.
        end: One past its last byte.
        page_ends: Where its pages end, in samples, as its first and its last page say; zeros where they do not.
    """

    start: int
    end: int
    page_ends: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Chain:
    """What an Ogg file holds.

    Attributes:
        links: The recordings, in order; at most `MAX_LINKS`.
        is_whole: Whether page follows page up to the file's end.
    """

    links: tuple[Link, ...]
    is_whole: bool


def find_links(file: BinaryIO) -> Chain:
    """Follow the pages of an Ogg file."""
    num_bytes = measure_file(file)
    starts, page_ends = [0], [(0, 0)]
    is_whole, was_first, end = True, True, 0
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for _ in range(_MAX_PAGES):
            start = content.find(_CAPTURE, end)
            if start < 0 or start + _HEADER_BYTES > num_bytes:
                break
            flags, granule, num_segments = _HEADER.unpack_from(content, start + len(_CAPTURE))
            is_whole = is_whole and start == end
            if flags & _FIRST_PAGE and not was_first:
                starts.append(start)
                page_ends.append((0, 0))
            was_first = bool(flags & _FIRST_PAGE)
            page_ends[-1] = (page_ends[-1][0] or max(granule, 0), max(granule, page_ends[-1][1]))
            body = start + _HEADER_BYTES + num_segments
            end = body + sum(content[start + _HEADER_BYTES : body])
    links = tuple(map(Link, starts, [*starts[1:], num_bytes], page_ends))
    return Chain(links[:MAX_LINKS], is_whole and start < 0 and end <= num_bytes and len(links) <= MAX_LINKS)
