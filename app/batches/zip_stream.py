"""A ZIP file that is made while it is sent: nothing of it is on the disk, and no more than a piece in memory.

Videos cannot be made smaller, so they are stored as they are. Each is read twice, first for its checksum: with that in
front of it, every program can unpack it, and the length of the whole is known before the first byte.
"""

import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_STORED, ZipInfo

_PIECE_BYTES = 1 << 18
_LIMIT = 0xFFFFFFFF
_MOST_ENTRIES = 0xFFFF
_UTF8 = 0x800
_VERSION, _VERSION_64 = 20, 45
_UNIX = 3
_FILE_MODE = 0o100644 << 16
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")


class EntryChangedError(Exception):
    """A file is gone or has another size than was said, so that what is being sent has to be broken off."""


@dataclass(frozen=True)
class Entry:
    """What is to be in the file.

    Attributes:
        name: Of the file inside; not empty, and there once.
        content: Its bytes, or the file that has them.
        num_bytes: How many.
        changed_at: Seconds since the epoch.
    """

    name: str
    content: bytes | Path
    num_bytes: int
    changed_at: float

    @classmethod
    def of_file(cls, name: str, path: Path) -> "Entry":
        """Return the entry of a file.

        Raises:
            OSError: There is none.
        """
        state = path.stat()
        return cls(name, path, state.st_size, state.st_mtime)

    @classmethod
    def of_text(cls, name: str, text: str) -> "Entry":
        """Return the entry of a text."""
        content = text.encode()
        return cls(name, content, len(content), time.time())

    def read(self) -> Iterator[bytes]:
        """Yield the bytes, piece by piece.

        Raises:
            EntryChangedError: They are not as many as there were.
        """
        if isinstance(self.content, bytes):
            yield self.content
            return
        num_bytes = 0
        try:
            with self.content.open("rb") as file:
                while piece := file.read(_PIECE_BYTES):
                    num_bytes += len(piece)
                    if num_bytes <= self.num_bytes:
                        yield piece
        except FileNotFoundError:
            raise EntryChangedError(self.name) from None
        if num_bytes != self.num_bytes:
            raise EntryChangedError(self.name)


def measure_zip(entries: Sequence[Entry]) -> int:
    """Return how many bytes the file will have."""
    offset = central = 0
    for entry in entries:
        info = _describe(entry, offset)
        central += len(_make_central(info))
        offset += len(info.FileHeader(zip64=_is_large(entry))) + entry.num_bytes
    return offset + central + len(_make_end(len(entries), central, offset))


def write_zip(entries: Sequence[Entry]) -> Iterator[bytes]:
    """Yield the file, piece by piece.

    Raises:
        EntryChangedError: A file is gone or has changed in the meantime.
    """
    offset, central = 0, bytearray()
    for entry in entries:
        info = _describe(entry, offset)
        for piece in entry.read():
            info.CRC = zlib.crc32(piece, info.CRC)
        header = info.FileHeader(zip64=_is_large(entry))
        yield header
        yield from entry.read()
        central += _make_central(info)
        offset += len(header) + entry.num_bytes
    yield bytes(central)
    yield _make_end(len(entries), len(central), offset)


def _is_large(entry: Entry) -> bool:
    return entry.num_bytes >= _LIMIT


def _describe(entry: Entry, offset: int) -> ZipInfo:
    info = ZipInfo(entry.name, time.gmtime(max(entry.changed_at, 315_532_800))[:6])  # ZIP knows no time before 1980
    info.compress_type, info.create_system, info.external_attr = ZIP_STORED, _UNIX, _FILE_MODE
    info.file_size = info.compress_size = entry.num_bytes
    info.header_offset, info.CRC = offset, 0
    return info


def _make_central(info: ZipInfo) -> bytes:
    """Return the entry of the list at the end; what does not fit into four bytes stands in its extra field."""
    year, month, day, hour, minute, second = info.date_time
    date, clock = (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2
    is_large, is_far = info.file_size >= _LIMIT, info.header_offset >= _LIMIT
    numbers = [info.file_size, info.compress_size] * is_large + [info.header_offset] * is_far
    extra = struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    version = _VERSION_64 if numbers else _VERSION
    try:
        name, flags = info.filename.encode("ascii"), 0
    except UnicodeEncodeError:
        name, flags = info.filename.encode(), _UTF8
    size = _LIMIT if is_large else info.file_size
    offset = _LIMIT if is_far else info.header_offset
    head = _CENTRAL.pack(
        b"PK\1\2",
        version,
        _UNIX,
        version,
        flags,
        ZIP_STORED,
        clock,
        date,
        info.CRC,
        size,
        size,
        len(name),
        len(extra),
        0,
        0,
        0,
        info.external_attr,
        offset,
    )
    return head + name + extra


def _make_end(num_entries: int, central: int, offset: int) -> bytes:
    large = b""
    if num_entries >= _MOST_ENTRIES or central >= _LIMIT or offset >= _LIMIT:
        numbers = (num_entries, num_entries, central, offset)
        large = _END_64.pack(b"PK\6\6", _END_64.size - 12, _VERSION_64, _VERSION_64, 0, 0, *numbers)
        large += _LOCATOR_64.pack(b"PK\6\7", 0, offset + central, 1)
    few = min(num_entries, _MOST_ENTRIES)
    return large + _END.pack(b"PK\5\6", 0, 0, few, few, min(central, _LIMIT), min(offset, _LIMIT), 0)
