"""How processes are tied to the server's life, and ended."""

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
    """End this process as soon as the server ends, even in the middle of a computation."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server_pid:
        os._exit(0)


def gain_no_privileges() -> None:
    """Give up all privileges that setuid programs, such as sudo, would grant."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def kill(process: Process) -> None:
    """Kill a process that leads a session of its own, with everything that it has started.

    asyncio's own `kill` is not used: it may reap the process, so that whoever waits for its end never learns of it.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)


async def wait_for_end(process: Process) -> None:
    """Return when a process has ended.

    asyncio's own `wait` also waits for the end of its pipes: for ever, if it wrote more than anyone has read.
    """
    while process.returncode is None:  # noqa: ASYNC110 - asyncio has no event for it that does not wait for the pipes
        await asyncio.sleep(_LOOK_SECONDS)
    process._transport.close()  # type: ignore[attr-defined] # noqa: SLF001 - the pipes are closed nowhere else
