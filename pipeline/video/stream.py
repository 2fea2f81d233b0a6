"""Pieces of a video that can be played before it is complete."""

from pathlib import Path

import numpy as np

from pipeline.types import FRAME_RATE, FrameSize, Pixels, SoundTrack
from pipeline.video.track import TrackReader
from pipeline.video.writer import VideoWriter

MIN_PIECE_FRAMES = FRAME_RATE


class LiveWriter:
    """Writes `000.mp4`, `001.mp4`, ...: each plays by itself and begins where the one before ends.

    Args:
        folder: Where the pieces appear, each when it is complete; made if it is missing.
        size: Of every frame.
        track: The sound.
    """

    def __init__(self, folder: Path, size: FrameSize, track: SoundTrack) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._size = size
        self._track = track
        self._reader = TrackReader(track)
        self._waiting: list[Pixels] = []
        self._num_frames = 0
        self._num_pieces = 0

    def write(self, frames: Pixels) -> None:
        """Take frames (n, height, width, 3), RGB; a piece is written when there is at least a second."""
        self._waiting.append(frames)
        if sum(map(len, self._waiting)) >= MIN_PIECE_FRAMES:
            self.finish()

    def finish(self) -> None:
        """Write what is still waiting."""
        if not self._waiting:
            return
        frames = np.concatenate(self._waiting)
        self._waiting = []
        self._num_frames += len(frames)
        samples = self._reader.read(self._num_frames)
        track = SoundTrack(self._track.sampling_rate, self._track.num_channels, iter([samples]))
        with VideoWriter(self._folder / f"{self._num_pieces:03}.mp4", self._size, track, {}, live=True) as writer:
            writer.write(frames)
        self._num_pieces += 1
