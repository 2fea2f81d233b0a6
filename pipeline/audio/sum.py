"""Several recordings heard as one, in pieces of about a second: memory does not grow with their length."""

from collections.abc import Iterable, Iterator

import numpy as np

from pipeline.types import Floats, SoundTrack

LOUDEST_PEAK = 0.999


class _Lane:
    """A track that begins at a sample of the sum. It is opened when it is first heard.

    Args:
        track: With the sum's rate and channels.
        offset: Where it begins.
    """

    def __init__(self, track: SoundTrack, offset: int) -> None:
        self._pieces = track.pieces
        self._place = offset
        self._waiting: Floats = np.zeros((track.num_channels, 0), np.float32)

    def add_to(self, block: Floats, first: int) -> None:
        """Add what is heard of it to a block (channels, samples) that begins at a sample of the sum."""
        end = first + block.shape[1]
        while self._place < end:
            if not self._waiting.shape[1]:
                piece = next(self._pieces, None)
                if piece is None:
                    self._place = end
                    return
                self._waiting = piece
            num_samples = min(self._waiting.shape[1], end - self._place)
            at = self._place - first
            block[:, at : at + num_samples] += self._waiting[:, :num_samples]
            self._waiting = self._waiting[:, num_samples:]
            self._place += num_samples


def add_tracks(tracks: Iterable[tuple[SoundTrack, int]], num_samples: int, gain: float) -> Iterator[Floats]:
    """Yield the sum of tracks of one rate and number of channels.

    Args:
        tracks: Each with the sample, 0 or later, at which it begins.
        num_samples: Of the sum.
        gain: Of all of it.
    """
    lanes = [(track, _Lane(track, offset)) for track, offset in tracks]
    first_track, _ = lanes[0]
    for first in range(0, num_samples, first_track.sampling_rate):
        length = min(first_track.sampling_rate, num_samples - first)
        block = np.zeros((first_track.num_channels, length), np.float32)
        for _, lane in lanes:
            lane.add_to(block, first)
        yield block * np.float32(gain)
