"""Opens files whose names came from elsewhere."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, *, follow: bool = True) -> BinaryIO:
    """Open a file to read, and nothing else: a device never ends, a pipe waits for ever.

    Args:
        path: Of the file.
        follow: Whether it may be a link to one.

    Raises:
        OSError: It is none, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(f"Expected a regular file, got something else at '{path}'.")
