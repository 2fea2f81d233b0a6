"""What a decoder takes of the machine at most. It sets this for itself, before it opens the first file."""

import contextlib
import os
import resource
import sys
import threading
import time
from pathlib import Path

import cv2

from app.decoding.messages import DecoderSettings

_FILE_BYTES = 256_000_000
"""Of what it writes: ten minutes of sound have 115 MB."""
_MAX_FILES = 256
_MAX_THREADS = 4
_LOOK_SECONDS = 0.1
_PAGE_BYTES = resource.getpagesize()


def limit_process(settings: DecoderSettings) -> None:
    """Limit what the process may have as long as it lives."""
    cv2.setNumThreads(min(cv2.getNumThreads(), _MAX_THREADS))
    _lower(resource.RLIMIT_CORE, 0)  # a dump would hold the photo
    _lower(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, _MAX_FILES)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_DATA, _measure_data() + settings.memory_bytes)
        with contextlib.suppress(OSError):  # of this machine's processes, it is the one to end when memory runs out
            Path("/proc/self/oom_score_adj").write_text("1000")
    else:
        threading.Thread(target=_watch_memory, args=(settings.memory_bytes,), daemon=True).start()


def limit_next_order(settings: DecoderSettings) -> None:
    """Limit the time that the next order may compute; the system ends the process there."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + settings.cpu_seconds)


def _lower(kind: int, most: int) -> None:
    """Set the limit that counts, and leave the one up to which it may be raised again."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _measure_data() -> int:
    """Return the bytes that RLIMIT_DATA counts: also the stacks of threads, as many as the machine has cores."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * _PAGE_BYTES


def _watch_memory(most: int) -> None:
    """End the process when it has too much, where the system does not see to it."""
    begun_with = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun_with < most:  # bytes, on macOS
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
