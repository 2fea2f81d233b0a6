"""Speech in pieces, each with what the encoder hears in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipeline.audio.speech import find_activity
from pipeline.turns.encoder import FRAMES_A_SECOND, PIECE_FRAMES, Places, embed_pieces, measure_spectrum
from pipeline.types import SPEECH_PROBABILITY, Floats

GRID = 5
"""Frames between the places at which it is asked who speaks."""
_HEARD = (60, 80, 120, 160)
"""Short pieces hear a turn's borders, long ones are surer of the voice."""
_BETWEEN, _SHORTEST_PIECE, _SURE = 20, 40, 70
_BRIDGED, _SHORTEST_SPEECH = 30, 20


@dataclass(frozen=True)
class Stretch:
    """Frames of the spectrum in which there is speech without a pause.

    Attributes:
        start: The first.
        end: One past the last.
    """

    start: int
    end: int

    @property
    def places(self) -> Places:
        """Where it is asked who speaks."""
        return np.arange(self.start + GRID // 2, self.end, GRID)


@dataclass(frozen=True)
class Pieces:
    """The speech of a recording in overlapping pieces.

    Attributes:
        stretches: All of them.
        owners: Which stretch each piece lies in (num_pieces,).
        starts: First frame of each.
        lengths: How many frames each has.
        embeddings: (lengths heard, num_pieces, 256).
    """

    stretches: tuple[Stretch, ...]
    owners: Places
    starts: Places
    lengths: Places
    embeddings: Floats

    @property
    def is_sure(self) -> Places:
        """The pieces that are long enough to know a voice by; all where none is."""
        sure = np.flatnonzero(self.lengths >= _SURE)
        return sure if len(sure) else np.arange(len(self.lengths))

    @cached_property
    def places(self) -> Places:
        """Where it is asked who speaks (num_places,)."""
        return np.concatenate([stretch.places for stretch in self.stretches])

    @cached_property
    def follows_pause(self) -> Floats:
        """1 at each stretch's first place, 0 elsewhere (num_places,)."""
        first = [np.arange(len(stretch.places)) == 0 for stretch in self.stretches]
        return np.concatenate(first).astype(np.float32)

    def compare(self, voices: Floats) -> Floats:
        """Return how much each place sounds like each of some voices (num_places, num_voices), 1 at most.

        Args:
            voices: An embedding of each (num_voices, 256).
        """
        likeness = self.embeddings @ voices.T
        return np.concatenate([self._compare(index, likeness) for index in range(len(self.stretches))])

    def _compare(self, index: int, likeness: Floats) -> Floats:
        own = self.owners == index
        places = self.stretches[index].places
        heard = np.zeros((len(places), likeness.shape[2]), np.float32)
        for length, row in zip(_HEARD, likeness, strict=True):
            centres = self.starts[own] + np.minimum(self.lengths[own], length) / 2
            order = np.argsort(centres, kind="stable")
            for voice, values in enumerate(row[own].T):
                heard[:, voice] += np.interp(places, centres[order], values[order])
        heard /= len(_HEARD)
        return heard


def cut_pieces(waveform: Floats) -> Pieces | None:
    """Cut what is said into pieces; None where nothing is.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
    """
    stretches = _find_stretches(find_activity(waveform, FRAMES_A_SECOND))
    if not stretches:
        return None
    starts = [np.arange(one.start, max(one.start + 1, one.end - _SHORTEST_PIECE), _BETWEEN) for one in stretches]
    owners = np.repeat(np.arange(len(stretches)), [len(own) for own in starts])
    first = np.concatenate(starts)
    lengths = np.minimum(PIECE_FRAMES, np.array([one.end for one in stretches])[owners] - first)
    embeddings = embed_pieces(measure_spectrum(waveform), first, lengths, _HEARD)
    return Pieces(stretches, owners, first, lengths, embeddings)


def _find_runs(is_on: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where each run of true values begins, and one past where it ends."""
    edges = np.flatnonzero(np.diff(is_on, prepend=False, append=False))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _find_stretches(activity: Floats) -> tuple[Stretch, ...]:
    is_spoken = activity > SPEECH_PROBABILITY
    for start, end in _find_runs(~is_spoken):
        if end - start < _BRIDGED and start > 0 and end < len(is_spoken):
            is_spoken[start:end] = True
    return tuple(Stretch(start, end) for start, end in _find_runs(is_spoken) if end - start >= _SHORTEST_SPEECH)
