"""The limits of a decoder's resources. It sets them itself, before it opens its first file."""

import contextlib
import os
import resource
import sys
import threading
import time
from pathlib import Path

import cv2

from app.decoding.messages import AnyOrder, DecoderSettings

_FILE_BYTES = 256_000_000
"""Largest file that it may write: ten minutes of sound have 115 MB."""
_MAX_FILES = 256
_MAX_THREADS = 4
_LOOK_SECONDS = 0.1
_CLOCK_OF_TICKS = -8
"""Linux's number of this process's CPUCLOCK_PROF."""
_PAGE_BYTES = resource.getpagesize()


def limit_process(settings: DecoderSettings) -> None:
    """Limit the process for the rest of its life."""
    os.nice(settings.niceness)
    cv2.setNumThreads(min(cv2.getNumThreads(), _MAX_THREADS))
    _lower(resource.RLIMIT_CORE, 0)  # a core dump would contain the photo
    _lower(resource.RLIMIT_FSIZE, _FILE_BYTES)
    _lower(resource.RLIMIT_NOFILE, _MAX_FILES)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_DATA, _measure_data() + settings.memory_bytes)
        with contextlib.suppress(OSError):  # if the machine runs out of memory, this is the process to kill
            Path("/proc/self/oom_score_adj").write_text("1000")
    else:
        threading.Thread(target=_watch_memory, args=(settings.memory_bytes,), daemon=True).start()


def limit_order(settings: DecoderSettings, order: AnyOrder) -> None:
    """Limit the processor time of an order; beyond it, the system kills the process."""
    most = order.effort * (order.cpu_seconds or settings.cpu_seconds)
    _lower(resource.RLIMIT_CPU, int(_measure_time()) + most)


def _measure_time() -> float:
    """Return the processor seconds so far, as RLIMIT_CPU counts them: after some minutes, others are seconds off."""
    if sys.platform == "linux":
        return time.clock_gettime(_CLOCK_OF_TICKS)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _lower(kind: int, most: int) -> None:
    """Set the soft limit, and leave the hard limit alone."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _measure_data() -> int:
    """Return the bytes that RLIMIT_DATA counts, including the stacks of threads: one for each core of the machine."""
    return int(Path("/proc/self/statm").read_text().split()[5]) * _PAGE_BYTES


def _watch_memory(most: int) -> None:
    """End the process if it uses too much memory, on systems that do not enforce a limit."""
    begun_with = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun_with < most:  # bytes, on macOS
        time.sleep(_LOOK_SECONDS)
    os._exit(1)
