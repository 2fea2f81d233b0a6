"""Write frames while the next ones are made."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from pipeline.types import Pixels


class FrameWriter(Protocol):
    """Takes a video's frames, batch after batch."""

    def write(self, frames: Pixels) -> None:
        """Append frames (n, height, width, 3), RGB."""
        ...


class BackgroundWriter:
    """Gives batches to a writer in a thread of its own, in order, so that a GPU need not wait for the encoder.

    One batch waits at most: memory holds that and the one that is made. Use as a context manager: at the end all is
    written, unless something was raised inside; the thread has ended in any case.

    Encoding is all that there is to do beside the next chunk. Its decoding is not: the next chunk begins with the
    decoded frames, and both would compute on the same GPU.

    Args:
        writer: Takes each batch in turn.
    """

    def __init__(self, writer: FrameWriter) -> None:
        self._writer = writer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writing")
        self._pending: Future[None] | None = None
        self._is_stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._is_stopped.set()
        self._pool.shutdown()
        if kind is None:
            self.check()

    def write(self, frames: Pixels) -> None:
        """Take a batch (n, height, width, 3), RGB, once the one before is written.

        Raises:
            OutputError: The one before could not be written.
        """
        if self._pending is not None:
            self._pending.result()
        self._pending = self._pool.submit(self._writer.write, frames)

    def replay(self, batches: Iterable[Pixels]) -> None:
        """Take batches that are there already, before all others; the thread that writes them reads them, too."""
        self._pending = self._pool.submit(self._write_all, batches)

    def _write_all(self, batches: Iterable[Pixels]) -> None:
        for frames in batches:
            if self._is_stopped.is_set():
                return
            self._writer.write(frames)

    def check(self) -> None:
        """Raise what has ended the writing, if anything has, so that no chunk is made in vain.

        Raises:
            OutputError: A batch could not be written.
        """
        if self._pending is not None and self._pending.done():
            self._pending.result()
