"""Take the sound that belongs to some frames out of a track."""

import numpy as np

from pipeline.types import FRAME_RATE, Floats, SoundTrack


class TrackReader:
    """Reads a track in step with frames; after its end comes silence.

    Args:
        track: Read from its beginning.
    """

    def __init__(self, track: SoundTrack) -> None:
        self._track = track
        self._waiting: Floats = np.zeros((track.num_channels, 0), np.float32)
        self.num_samples = 0

    def read(self, until_frame: int) -> Floats:
        """Return the samples (num_channels, n) since the last call, up to the end of that many frames."""
        until_sample = until_frame * self._track.sampling_rate // FRAME_RATE
        num_wanted = until_sample - self.num_samples
        while self._waiting.shape[1] < num_wanted:
            silence = np.zeros((self._track.num_channels, num_wanted), np.float32)
            self._waiting = np.concatenate([self._waiting, next(self._track.pieces, silence)], axis=1)
        samples, self._waiting = self._waiting[:, :num_wanted], self._waiting[:, num_wanted:]
        self.num_samples = until_sample
        return samples
