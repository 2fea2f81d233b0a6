"""Groups pieces of speech by voice, and says whose each moment is."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.turns.encoder import Places, normalize
from pipeline.turns.pieces import GRID, Pieces
from pipeline.types import Floats

_ROUNDS = 4
_LIKENESS_GAIN = 10.0 * GRID / 10
_SWITCH_COST, _PAUSE_DISCOUNT = 4.0, 0.5
"""Of another voice, against what likeness is worth; after a pause it is half as unlikely."""
_MARGIN_WEIGHT = 0.5
_SMALLEST_SHARES = (0.0, 0.04, 0.08, 0.15)
_MORE_GROUPS = 15
_MOST_PIECES = 2_000
"""Of which every two are compared."""
_ALIKE = 0.72
"""Two voices that are more alike may be one person's."""
_SAME, _SMALL_SHARE = 0.85, 0.25
"""Where the number of people is known, only voices this alike are one person's, or alike where one is seldom heard."""
_KEPT_MARGIN = 0.8
_SHORTEST_PLACES = 10


@dataclass(frozen=True)
class Grouping:
    """Who speaks, as far as can be heard.

    Attributes:
        voices: An embedding of each (num_voices, 256).
        path: The voice at each place (num_places,).
        margin: How much more each place sounds like its voice than like the next one.
        score: The better, the higher.
    """

    voices: Floats
    path: Places
    margin: float
    score: float

    @property
    def is_plausible(self) -> bool:
        """Whether its voices differ, and each is heard."""
        return bool(self._likeness.max() < _ALIKE and self._heard.min() >= _SHORTEST_PLACES)

    @property
    def has_echo(self) -> bool:
        """Whether one of its voices is what another one's strays to: as good as the same, or alike and seldom heard."""
        is_small = self._heard < _SMALL_SHARE * self._heard[:, None]
        return bool((self._likeness > np.where(is_small, _ALIKE, _SAME)).any())

    @property
    def _likeness(self) -> Floats:
        likeness: Floats = self.voices @ self.voices.T - 2 * np.eye(len(self.voices), dtype=np.float32)
        return likeness

    @property
    def _heard(self) -> Places:
        return np.bincount(self.path, minlength=len(self.voices))


def group(pieces: Pieces, num_voices: int) -> Grouping:
    """Find so many voices, or fewer where fewer are heard: one person's voice is not split to make up the number."""
    counts = range(num_voices, 0, -1)
    return next(grouping for count in counts if not (grouping := _group(pieces, count)).has_echo)


def group_any(pieces: Pieces, most: int) -> Grouping:
    """Find as many voices as there are, one where it is not clear that there are more."""
    several = [_group(pieces, count) for count in range(2, most + 1)]
    plausible = [grouping for grouping in several if grouping.is_plausible]
    if not plausible:
        return _group(pieces, 1)
    enough = _KEPT_MARGIN * max(grouping.margin for grouping in plausible)
    return [grouping for grouping in plausible if grouping.margin >= enough][-1]


def _group(pieces: Pieces, num_voices: int) -> Grouping:
    begun = [_refine(pieces, voices) for voices in _guess(pieces, num_voices)]
    return max(begun, key=lambda grouping: grouping.score)


def _guess(pieces: Pieces, num_voices: int) -> Iterator[Floats]:
    """Yield embeddings of the voices to begin with.

    Pieces with two voices make groups of their own, so there are more groups than voices: how small a group may be to
    be a voice is not known beforehand.
    """
    from scipy.cluster.hierarchy import fcluster, linkage  # takes a third of a second, and most voices are alone

    sure = pieces.is_sure
    embeddings = pieces.embeddings[-1][sure[:: -(-len(sure) // _MOST_PIECES)]]
    if len(embeddings) <= num_voices or num_voices == 1:
        yield normalize(embeddings.mean(axis=0, keepdims=True)) if num_voices == 1 else embeddings
        return
    tree = linkage(embeddings.astype(np.float64), "average", metric="cosine")
    counts = range(num_voices, min(len(embeddings), num_voices + _MORE_GROUPS) + 1)
    cuts = {count: fcluster(tree, count, "maxclust") - 1 for count in counts}
    tried = {_count_groups(cuts, num_voices, max(2, share * len(embeddings))) for share in _SMALLEST_SHARES}
    for count in sorted(tried):
        groups = cuts[count]
        largest = np.argsort(-np.bincount(groups), kind="stable")[:num_voices]
        yield normalize(np.stack([embeddings[groups == one].mean(axis=0) for one in largest]))


def _count_groups(cuts: dict[int, Places], num_voices: int, smallest: float) -> int:
    """Return into how many groups to cut, so that enough of them are large enough."""
    large = (count for count, groups in cuts.items() if (np.bincount(groups) >= smallest).sum() >= num_voices)
    return next(large, num_voices)


def _refine(pieces: Pieces, voices: Floats) -> Grouping:
    for _ in range(_ROUNDS):
        likeness = pieces.compare(voices)
        path = _find_path(likeness, pieces.follows_pause)
        heard, voices = voices, _average(pieces, path, voices)
    own = likeness[np.arange(len(path)), path]
    margin = float((own - _drop(likeness, path)).mean()) if len(heard) > 1 else 0.0
    switches = _SWITCH_COST / _LIKENESS_GAIN * np.count_nonzero(np.diff(path)) / len(path)
    return Grouping(voices, path, margin, float(own.mean()) - float(switches) + _MARGIN_WEIGHT * margin)


def _drop(likeness: Floats, path: Places) -> Floats:
    """Return how much each place sounds like the likeliest of the voices that it is not given to."""
    others = likeness.copy()
    others[np.arange(len(path)), path] = -np.inf
    best: Floats = others.max(axis=1)
    return best


def _find_path(likeness: Floats, follows_pause: Floats) -> Places:
    """Return the likeliest voice at each place (num_places,), which seldom changes (Viterbi)."""
    gains = _LIKENESS_GAIN * likeness
    costs = _SWITCH_COST * (1 - _PAUSE_DISCOUNT * follows_pause)
    num_places, num_voices = gains.shape
    best, before = gains[0], np.zeros((num_places, num_voices), np.intp)
    stay = np.arange(num_voices)
    for place in range(1, num_places):
        likeliest = int(best.argmax())
        changes = best[likeliest] - costs[place] > best
        before[place] = np.where(changes, likeliest, stay)
        best = np.where(changes, best[likeliest] - costs[place], best) + gains[place]
    path = np.zeros(num_places, np.intp)
    path[-1] = best.argmax()
    for place in range(num_places - 1, 0, -1):
        path[place - 1] = before[place, path[place]]
    return path


def _average(pieces: Pieces, path: Places, voices: Floats) -> Floats:
    """Return each voice as the mean of the pieces that are its alone; as it was where there is none."""
    sure = pieces.is_sure
    first, end = (np.searchsorted(pieces.places, pieces.starts[sure] + add) for add in (0, pieces.lengths[sure]))
    is_whole = np.array([b > a and (path[a:b] == path[a]).all() for a, b in zip(first, end, strict=True)])
    owner = np.where(is_whole, path[np.minimum(first, len(path) - 1)], -1)
    embeddings = pieces.embeddings[-1][sure]
    means = [embeddings[owner == one].mean(axis=0) if (owner == one).any() else old for one, old in enumerate(voices)]
    return normalize(np.stack(means))
