"""The process that signs one job's files and ends: `python -m app.trust.process`.

It has the key, and reads what a stranger's photo brought along: so it is a process of its own, with limits, and is gone
before the next job's.
"""

import os
import resource
import stat
import sys
from pathlib import Path

from app.lifetime import die_with, gain_no_privileges
from app.trust.messages import Sealed, SealOrder
from pipeline.credentials import sign
from pipeline.credentials.photo import MAX_ARCHIVE_BYTES
from pipeline.errors import SigningError

_CPU_SECONDS = 20
_MEMORY_BYTES = 1_500_000_000
_FILE_BYTES = 2_000_000_000


def main() -> None:
    """Sign what is ordered."""
    die_with(int(sys.argv[1]))
    gain_no_privileges()
    _limit()
    order = SealOrder.model_validate_json(sys.stdin.buffer.read())
    try:
        sealed = _seal(order)
    except SigningError as error:
        sealed = Sealed(trouble=str(error))
    sys.stdout.write(sealed.model_dump_json())


def _seal(order: SealOrder) -> Sealed:
    archive = _read_archive(order.archive)
    url = order.time_stamp_url
    for path in order.files:
        try:
            sign(path, order.making, order.identity, archive, url)
        except SigningError:
            if url is None:
                raise
            url = None
            sign(path, order.making, order.identity, archive)
    return Sealed(lacks_time_stamp=url != order.time_stamp_url)


def _read_archive(path: Path | None) -> bytes | None:
    """Read what a decoder wrote, of which nothing is believed."""
    if path is None:
        return None
    try:
        state = path.lstat()
        return path.read_bytes() if stat.S_ISREG(state.st_mode) and state.st_size <= MAX_ARCHIVE_BYTES else None
    except OSError:
        return None


def _limit() -> None:
    limits = {
        resource.RLIMIT_CORE: 0,  # a core dump would contain the key
        resource.RLIMIT_CPU: _CPU_SECONDS,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
    }
    if sys.platform == "linux":
        limits[resource.RLIMIT_DATA] = _MEMORY_BYTES
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    os.umask(0o077)


if __name__ == "__main__":
    main()
