"""`python -m app`: the web app on this machine.

`python -m app trust`: what its videos are signed with. `python -m app reports`: which of them were reported.
`python -m app doctor`: what is well here, or at a deployment, and what is not.
`python -m app keys`: who may use it.
"""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.errors import DataFolderError
from app.log import set_up_log
from app.settings import Settings, SettingsError, find_warnings, load_settings

if TYPE_CHECKING:
    from app.jobs import Jobs

_GRACE_SECONDS = 3
# Longer than clients wait between two looks at a job; one that is used again just as it closes fails for them.
_KEEP_ALIVE_SECONDS = 75
# A browser that shows a paused video reads nothing more, and asks again for the rest if it has lost its connection.
_UNREAD_SECONDS = 600
_COMMANDS = {
    "doctor": "app.doctor.command",
    "keys": "app.accounts.command",
    "reports": "app.reports.command",
    "trust": "app.trust.command",
}
"""Modules with a function `run`, which takes the words of the command and returns the exit code."""
_log = logging.getLogger(__name__)


class _Protocol(H11Protocol):
    """Closes connections that bring no whole request in the time that uvicorn leaves between two of them.

    It also ends those that do not read their answer, as each holds a piece of it in memory, and an open file.
    """

    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        # Unlike uvicorn's own, the beginning of a request does not stop the clock.
        self.conn.receive_data(data)
        self.handle_events()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._expect_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None and not self.transport.is_closing():
            self._unread.cancel()
            self._unread = None

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect_reader_of_rest()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._expect_reader_of_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._unread is not None:
            self._unread.cancel()

    def _expect_reader_of_rest(self) -> None:
        """Wait with closing until everything has been read."""
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self._expect_reader()

    def _expect_reader(self) -> None:
        if self._unread is None:
            self._unread = self.loop.call_later(_UNREAD_SECONDS, self.transport.abort)


class _Server(uvicorn.Server):
    """Lets jobs go on before it stops, and then ends requests that wait for jobs, so that connections close at once."""

    def __init__(self, config: uvicorn.Config, jobs: "Jobs", drain_seconds: float) -> None:
        super().__init__(config)
        self._jobs = jobs
        self._drain_seconds = drain_seconds
        self._ends_at: float | None = None
        self._has_told = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no new jobs at the first signal, and stop once those that run have ended; at the second, stop."""
        if self._ends_at is not None or not self._drain_seconds or sig == signal.SIGINT:
            super().handle_exit(sig, frame)
            return
        self._ends_at = time.monotonic() + self._drain_seconds
        self._jobs.drain()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to stop; uvicorn asks ten times a second."""
        if self._ends_at is not None and not self._has_told:
            self._has_told = True  # here, as the signal may have come while a line was being written
            _log.info(
                "Stopping: jobs that run (%d) have up to %g seconds to end, and no new ones are taken. "
                "A second SIGTERM stops at once.",
                self._jobs.num_running_here,
                self._drain_seconds,
            )
        is_drained = self._ends_at is not None and (
            not self._jobs.num_running_here or time.monotonic() >= self._ends_at
        )
        return is_drained or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._jobs.stop_followers()
        await super().shutdown(sockets)


def main() -> int:
    """Serve until stopped, or carry out the command that was given; return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.umask(0o077)  # other users of this machine must not read photos, voices and videos
    _allow_connections()
    try:
        if command := _COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else ""):
            code: int = import_module(command).run(sys.argv[2:])
            return code
        settings = load_settings()
        set_up_log(settings.log_level, settings.log_format)
        with _listen(settings) as listener:
            _serve(settings, listener)
    except (SettingsError, DataFolderError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # what read the output has enough of it, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _allow_connections() -> None:
    """Allow as many open files as the system does: each connection is one, and the usual 1024 are too few."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _listen(settings: Settings) -> socket.socket:
    """Bind the port before anything else, so that it is reported at once if it is taken."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
        # As asyncio does for sockets of its own: otherwise each answer waits 40 ms for word that its head has come.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {settings.host}, port {settings.port}: {error.strerror}. Stop what uses it, or set "
            "VIDEO_LAB_HOST or VIDEO_LAB_PORT."
        ) from None
    return listener


def _serve(settings: Settings, listener: socket.socket) -> None:
    from app.main import create_app

    for warning in find_warnings(settings):
        _log.warning(warning)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the app itself reads them, from trusted proxies only
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    if settings.log_format == "json":
        _log.info("Video Lab is at %s", settings.address)
    else:
        sys.stdout.write(f"Video Lab is at {settings.address}\n")
        sys.stdout.flush()
    _Server(config, app.state.jobs, settings.drain_seconds).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main())
