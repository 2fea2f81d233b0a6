"""From a recording to the turns of those who speak in it."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from pipeline.request import Turn
from pipeline.scene import MAX_SPEAKERS
from pipeline.turns.count import check_num_speakers
from pipeline.turns.encoder import FRAMES_A_SECOND, Places
from pipeline.turns.grouping import Grouping, group, group_any
from pipeline.turns.pieces import Pieces, cut_pieces
from pipeline.types import Floats

_SHORTEST_SECONDS, _BRIDGED_SECONDS = 0.3, 0.5


def find_turns(waveform: Floats, num_speakers: int | None = None) -> tuple[Turn, ...]:
    """Find who speaks when. Silence and music belong to nobody, and the first voice heard is speaker 0.

    Args:
        waveform: Mono samples (samples,) at 16 kHz, of 1 to 600 seconds.
        num_speakers: How many people there are, 1 to 4; None estimates it.

    Returns:
        The turns in order, none of which overlap. Fewer people speak than were named where fewer are heard.

    Raises:
        InputError: The number is out of range.
    """
    count = check_num_speakers(num_speakers)
    pieces = cut_pieces(waveform)
    if pieces is None:
        return ()
    grouping = group_any(pieces, MAX_SPEAKERS) if count is None else group(pieces, count)
    return _number(_join(_cut(pieces, grouping)))


def _cut(pieces: Pieces, grouping: Grouping) -> Iterator[Turn]:
    """Yield the turns of each stretch of speech, less those that are too short to be one."""
    first = 0
    for stretch in pieces.stretches:
        places = stretch.places
        path = grouping.path[first : first + len(places)]
        first += len(places)
        for start, end, voice in _split(places, path, stretch.start, stretch.end):
            if (end - start) / FRAMES_A_SECOND >= _SHORTEST_SECONDS:
                yield Turn(voice, start / FRAMES_A_SECOND, end / FRAMES_A_SECOND)


def _split(places: Places, path: Places, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    changes = np.flatnonzero(np.diff(path)) + 1
    borders = (start, *((places[changes - 1] + places[changes]) // 2).tolist(), end)
    yield from ((a, b, int(path[c])) for (a, b), c in zip(pairwise(borders), (0, *changes), strict=True))


def _join(turns: Iterator[Turn]) -> list[Turn]:
    """Let a turn go on over a short pause."""
    joined: list[Turn] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last and last.speaker == turn.speaker and turn.start_sec - last.end_sec < _BRIDGED_SECONDS:
            joined[-1] = Turn(last.speaker, last.start_sec, turn.end_sec)
        else:
            joined.append(turn)
    return joined


def _number(turns: list[Turn]) -> tuple[Turn, ...]:
    """Number the voices in the order in which they are first heard."""
    order = list(dict.fromkeys(turn.speaker for turn in turns))
    return tuple(Turn(order.index(turn.speaker), turn.start_sec, turn.end_sec) for turn in turns)
