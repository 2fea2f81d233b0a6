"""Several GPUs: a rank for each, all of which do the same for a job and share out the denoising.

They go in lockstep: each reports progress and waits to be told whether to go on. So all stop at the same place when a
job is cancelled, and a rank that fails or dies is noticed at once: the others, which may wait for it in a collective
forever, are ended with it.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.distributed.messages import Ended, LoadRank, Message, Order
from pipeline.engine import EngineSettings, MadeClip, Reporter
from pipeline.errors import EngineError
from pipeline.scene import Scene
from pipeline.types import Progress

SECONDS_TO_DIE = 1.0
WORKER = "pipeline.distributed.rank"


class ProcessGroup:
    """The ranks, as the process that starts them sees them. Together they are what one `Generator` is alone.

    Args:
        settings: Where the weights are, the first device, and how many.
        load: What each rank loads.
        preload: Modules that ranks on a CPU share, imported once.
    """

    def __init__(self, settings: EngineSettings, load: LoadRank, preload: Sequence[str] = ()) -> None:
        self._settings = settings
        self._load = load
        self._preload = preload
        self._folder: TemporaryDirectory[str] | None = None
        self._processes: list[BaseProcess] = []
        self._connections: list[Connection] = []

    @property
    def is_loaded(self) -> bool:
        """Whether all ranks are there, with the weights."""
        return bool(self._processes) and all(process.is_alive() for process in self._processes)

    def load(self, report: Reporter) -> None:
        """Start the ranks and have all read the weights; does nothing where they have.

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

    def generate(self, scene: Scene, report: Reporter, state: bytes | None = None) -> Iterator[MadeClip]:
        """Yield the clips of the scene's video, or those that are left after one that left this state.

        Raises:
            EngineError: One failed; all are ended.
            GenerationCancelledError: `report` said so.
        """
        self._send(Order(scene, state))
        yield from self._follow(report)

    def close(self) -> None:
        """End all ranks."""
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
        rendezvous = Path(self._folder.name) / "rendezvous"
        # They are forked by a server, which may import everything for them, but not where there is a GPU: libraries
        # look for it when they are imported, and then those who were forked cannot use it.
        context = get_context("forkserver")
        context.set_forkserver_preload([WORKER, *self._preload] if self._settings.device == "cpu" else [])
        for rank in range(self._settings.num_gpus):
            ours, theirs = context.Pipe()
            arguments = (rank, rendezvous, self._settings, self._load, theirs)
            process = context.Process(target=_run_rank, args=arguments, daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
            self._connections.append(ours)

    def _follow(self, report: Reporter) -> Iterator[MadeClip]:
        """Pass on what the ranks send, until they have ended what they were asked to do."""
        while not isinstance(message := self._receive(), Ended):
            goes_on = False
            try:
                if isinstance(message, Progress):
                    report(message)
                elif message.clip is not None:
                    yield message.clip
                goes_on = True
            finally:
                if not goes_on:
                    self._stop()
            self._send(True)  # noqa: FBT003  # what is sent

    def _stop(self) -> None:
        """Let all end at the place where they are."""
        with suppress(EngineError):
            self._send(False)  # noqa: FBT003  # what is sent
            self._receive()

    def _send(self, message: Order | bool) -> None:
        try:
            for connection in self._connections:
                connection.send(message)
        except OSError:
            error = self._explain_death()
            self.close()
            raise error from None

    def _receive(self) -> Message:
        """Return what rank 0 sent, once all have sent the same; whatever goes wrong here ends all."""
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


def _run_rank(rank: int, rendezvous: Path, settings: EngineSettings, load: LoadRank, parent: Connection) -> None:
    """Be one of the ranks; torch is imported there only."""
    from pipeline.distributed.rank import run_rank

    run_rank(rank, rendezvous, settings, load, parent)
