"""Ties the life of a process to the server's."""

import asyncio
import ctypes
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import suppress

_LOOK_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def die_with(server_pid: int) -> None:
    """End at once when the server does, even in the middle of a computation."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server_pid:
        os._exit(0)


def gain_no_privileges() -> None:
    """Give up what programs that belong to others, such as sudo, would give."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def kill(process: Process) -> None:
    """End a process that leads a session of its own, and all that it has begun.

    Not by asyncio's own way, which may take the news of its end from the one who waits for it.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)


async def wait_for_end(process: Process) -> None:
    """Return when a process has ended.

    asyncio's own waits until its pipes are at their ends, too: for ever, if it wrote more than anyone read.
    """
    while process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for it that does not wait for the pipes
        await asyncio.sleep(_LOOK_SECONDS)
    process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - the pipes are closed nowhere else
