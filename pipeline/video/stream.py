"""Pieces of a video that can be played before it is complete."""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pipeline.types import FRAME_RATE, FrameSize, Pixels, SoundTrack
from pipeline.video.track import TrackReader
from pipeline.video.writer import VideoWriter


class LiveWriter:
    """Writes `000.mp4`, `001.mp4`, ...: each plays by itself and begins where the one before ends.

    Use as a context manager; a piece appears when it is complete.

    Args:
        folder: Where the pieces appear; made if it is missing.
        size: Of every frame.
        track: The sound.
    """

    def __init__(self, folder: Path, size: FrameSize, track: SoundTrack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._size = size
        self._track = track
        self._sound = TrackReader(track)
        self._waiting: list[Pixels] = []
        self._num_frames = 0
        self._num_pieces = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._write_piece()

    def write(self, frames: Pixels) -> None:
        """Take frames (n, height, width, 3), RGB; they become a piece as soon as there is a second of them."""
        self._waiting.append(frames)
        if sum(map(len, self._waiting)) >= FRAME_RATE:
            self._write_piece()

    def _write_piece(self) -> None:
        frames, self._waiting = np.concatenate(self._waiting), []
        self._num_frames += len(frames)
        track = replace(self._track, pieces=iter([self._sound.read(self._num_frames)]))
        with VideoWriter(self._folder / f"{self._num_pieces:03}.mp4", self._size, track, {}, live=True) as writer:
            writer.write(frames)
        self._num_pieces += 1
