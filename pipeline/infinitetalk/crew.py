"""Several GPUs: a process for each, all of which do the same for a job and share out the denoising.

They go in step: each says when it has moved on, and waits to hear whether to go on. So all stop at the same place when
a job is cancelled, and a process that fails or dies is known at once: the others, which may wait for it forever, are
ended with it.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.engine import EngineSettings, Reporter
from pipeline.errors import EngineError, EngineUnavailableError
from pipeline.types import Pixels, Progress, Scene

SECONDS_TO_DIE = 1.0
MEMBER = "pipeline.infinitetalk.crew_member"


@dataclass(frozen=True)
class Batch:
    """A process has frames.

    Attributes:
        frames: (n, height, width, 3) of the first process; None of the others, which have the same.
    """

    frames: Pixels | None


@dataclass(frozen=True)
class Ended:
    """A process has done what it was told to do, or stopped when it was told to.

    Attributes:
        error: Why it failed, if it did.
    """

    error: EngineError | EngineUnavailableError | None = None


Message = Progress | Batch | Ended


class Crew:
    """The processes, as the one that starts them sees them. Together they are what `Runtime` is alone.

    Args:
        settings: Where the weights are, the first device, and how many.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._folder: TemporaryDirectory[str] | None = None
        self._processes: list[BaseProcess] = []
        self._connections: list[Connection] = []

    @property
    def is_loaded(self) -> bool:
        """Whether all processes are there, with the weights."""
        return bool(self._processes) and all(process.is_alive() for process in self._processes)

    def load(self, report: Reporter) -> None:
        """Start the processes and have all read the weights; does nothing where they have.

        Raises:
            EngineError: One failed.
            EngineUnavailableError: One has no GPU.
            GenerationCancelledError: `report` said so.
        """
        if self.is_loaded:
            return
        self.close()
        try:
            self._start()
            for _ in self._follow(report):
                pass
        except BaseException:
            self.close()
            raise

    def generate(self, scene: Scene, report: Reporter) -> Iterator[Pixels]:
        """Yield batches of RGB frames (n, height, width, 3), clip by clip.

        Raises:
            EngineError: One failed; all are ended.
            GenerationCancelledError: `report` said so.
        """
        self._tell(scene)
        yield from self._follow(report)

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.kill()
        for process, connection in zip(self._processes, self._connections, strict=True):
            process.join()
            connection.close()
        self._processes, self._connections = [], []
        if self._folder is not None:
            self._folder.cleanup()

    def _start(self) -> None:
        self._folder = TemporaryDirectory()
        meeting = Path(self._folder.name) / "meeting"
        # They are forked by a server, which may import everything for them, but not where there is a GPU: libraries
        # look for it when they are imported, and then those who were forked cannot use it.
        context = get_context("forkserver")
        context.set_forkserver_preload([MEMBER] if self._settings.device == "cpu" else [])
        for rank in range(self._settings.num_gpus):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(rank, meeting, self._settings, theirs), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)

    def _follow(self, report: Reporter) -> Iterator[Pixels]:
        """Pass on what the processes say, until they have ended what they were told to do."""
        while not isinstance(message := self._hear(), Ended):
            goes_on = False
            try:
                if isinstance(message, Progress):
                    report(message)
                elif message.frames is not None:
                    yield message.frames
                goes_on = True
            finally:
                if not goes_on:
                    self._stop()
            self._tell(True)  # noqa: FBT003  # what is sent

    def _stop(self) -> None:
        """Let all end at the place where they are."""
        with suppress(EngineError):
            self._tell(False)  # noqa: FBT003  # what is sent
            self._hear()

    def _tell(self, message: Scene | bool) -> None:
        try:
            for connection in self._connections:
                connection.send(message)
        except OSError:
            error = self._explain_death()
            self.close()
            raise error from None

    def _hear(self) -> Message:
        """Return what the first process says, once all have said the same; whatever goes wrong here ends all."""
        try:
            return self._gather()
        except BaseException:
            self.close()
            raise

    def _gather(self) -> Message:
        messages: dict[Connection, Message] = {}
        while len(messages) < len(self._connections):
            for connection in wait(self._connections):
                assert isinstance(connection, Connection)
                try:
                    message: Message = connection.recv()
                except (EOFError, OSError):
                    raise self._explain_death() from None
                if isinstance(message, Ended) and message.error is not None:
                    raise message.error
                messages[connection] = message
        return messages[self._connections[0]]

    def _explain_death(self) -> EngineError:
        """Say why one is dead; the others may have died of that."""
        deadline = time.monotonic() + SECONDS_TO_DIE
        for process in self._processes:
            process.join(max(0.0, deadline - time.monotonic()))
        code = min((process.exitcode for process in self._processes if process.exitcode is not None), default=0)
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return EngineError(
            f"One of the {self._settings.num_gpus} processes that make a video together ended unexpectedly ({reason}). "
            "Try again: they are started anew."
        )


def _work(rank: int, meeting: Path, settings: EngineSettings, server: Connection) -> None:
    """Be one of the processes; torch is imported there only."""
    from pipeline.infinitetalk.crew_member import work

    work(rank, meeting, settings, server)
