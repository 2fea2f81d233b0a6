"""One decoder process, from the server's side."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping

import numpy as np
from pydantic import ValidationError

from app.decoding.messages import (
    MAX_ARRAY_BYTES,
    MESSAGES,
    Answer,
    AnyOrder,
    Array,
    ArrayHead,
    DecoderSettings,
    Message,
    Ready,
    Turned,
)
from app.lifetime import kill, wait_for_end
from pipeline.notices import Field

_LINE_BYTES = 1 << 20
_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "TZ", "PYTHON", "LC_", "LD_", "DYLD_", "OMP_", "OPENCV_")
"""Prefixes of the environment variables that a decoder inherits: none of them has a password or a token."""


class DecoderDiedError(Exception):
    """The process has ended, or answers what no decoder would."""


class Decoder:
    """A process that carries out one order at a time.

    Attributes:
        about: The field whose file it reads.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self.about: Field = "image"

    @classmethod
    async def start(cls, settings: DecoderSettings) -> "Decoder":
        """Start a process, and wait until it is ready for orders.

        Raises:
            OSError: The system has no room for another process.
            DecoderDiedError: It did not get ready.
        """
        command = (sys.executable, "-m", "app.decoding.process", settings.model_dump_json())
        environment = _choose_environment(os.environ)
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, limit=_LINE_BYTES, start_new_session=True, env=environment
        )
        decoder = cls(process)
        is_ready = False
        try:
            is_ready = isinstance(await decoder._receive(), Ready)
        finally:
            if not is_ready:
                decoder.kill()
                await decoder.wait()
        return decoder

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    async def ask(self, order: AnyOrder) -> tuple[Answer, list[Array]]:
        """Carry out an order.

        Raises:
            DecoderDiedError: The process did not answer it.
        """
        assert self._process.stdin is not None
        self.about = order.about
        try:
            self._process.stdin.write(order.model_dump_json().encode() + b"\n")
            await self._process.stdin.drain()
            while isinstance(message := await self._receive(), Turned):
                self.about = message.about
            if isinstance(message, Answer) and sum(head.num_bytes for head in message.arrays) <= MAX_ARRAY_BYTES:
                return message, [await self._receive_array(head) for head in message.arrays]
        except (ConnectionError, asyncio.IncompleteReadError, DecoderDiedError) as error:
            self.kill()
            raise DecoderDiedError from error
        self.kill()
        raise DecoderDiedError

    def kill(self) -> None:
        """Kill the process, whatever it is doing."""
        kill(self._process)

    async def wait(self) -> None:
        """Return when the process has ended."""
        await wait_for_end(self._process)

    @property
    def end(self) -> str:
        """How the process has ended, for the log."""
        code = self._process.returncode
        return "unknown" if code is None else signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def has_used_its_time(self) -> bool:
        """Whether the system killed it because an order used too much processor time."""
        return self._process.returncode == -signal.SIGXCPU

    async def _receive(self) -> Message:
        assert self._process.stdout is not None
        try:
            return MESSAGES.validate_json(await self._process.stdout.readline())
        except (ValidationError, ValueError) as error:  # nothing, half a line, or an endless line
            raise DecoderDiedError from error

    async def _receive_array(self, head: ArrayHead) -> Array:
        assert self._process.stdout is not None
        content = await self._process.stdout.readexactly(head.num_bytes)
        return np.frombuffer(content, head.dtype).reshape(head.shape)


def _choose_environment(environment: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in environment.items() if name.startswith(_ENVIRONMENT)}
    # A thread for each core waits for the others most of the time, which counts as a file's processor time.
    return {"OPENBLAS_NUM_THREADS": "1"} | own
