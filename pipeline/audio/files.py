"""The bytes of an uploaded recording, or of a part of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular

MAX_BYTES = 100_000_000
_INVALID = -22
"""What FFmpeg takes for an address that there is not (EINVAL)."""


class FilePart:
    """Some bytes of a file, as FFmpeg reads them. Nothing is raised for a place outside: damaged files name such.

    Args:
        file: Stays open, and may be shared by several parts that are read one after the other.
        start: The first byte.
        end: One past the last byte.
    """

    def __init__(self, file: BinaryIO, start: int, end: int) -> None:
        self._file = file
        self._start = start
        self._position = 0
        self.num_bytes = end - start

    def read(self, num_bytes: int = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        left = max(self.num_bytes - self._position, 0)
        self._file.seek(self._start + self._position)
        content = self._file.read(left if num_bytes < 0 else min(num_bytes, left))
        self._position += len(content)
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place and return it, or a negative number where there is none."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.num_bytes}.get(whence)
        if origin is None or not 0 <= origin + offset <= self.num_bytes:
            return _INVALID
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._position


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open an uploaded recording of an accepted size.

    Raises:
        InputError: It cannot be opened, or is empty.
        InputTooLargeError: It has too many bytes.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise InputError("audio.cannot_open", "audio") from error
    with file:
        num_bytes = measure_file(file)
        if num_bytes == 0:
            raise InputError("audio.empty_file", "audio")
        if num_bytes > MAX_BYTES:
            sizes = {"megabytes": num_bytes // 1_000_000, "limit_megabytes": MAX_BYTES // 1_000_000}
            raise InputTooLargeError("audio.too_many_bytes", "audio", **sizes)
        yield file


def measure_file(file: BinaryIO) -> int:
    """Return how many bytes an open file has."""
    return os.fstat(file.fileno()).st_size
