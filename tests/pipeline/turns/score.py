"""The diarization error rate: how much of the speech is missed, invented or given to the wrong person."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from pipeline.request import Turn

FRAMES_A_SECOND = 100
COLLAR_SECONDS = 0.25


def measure_error(found: Sequence[Turn], truth: Sequence[Turn]) -> float:
    """Return the error as a share of the speech, 0 to 1 and more where speech is invented.

    As NIST has it: the speakers found are matched with the true ones as well as can be, and a quarter of a second
    around each true border counts as neither right nor wrong.
    """
    num_frames = round(FRAMES_A_SECOND * max((turn.end_sec for turn in (*found, *truth)), default=0)) + 1
    told, true = _draw(found, num_frames), _draw(truth, num_frames)
    told, true = (rows[:, _choose_scored(truth, num_frames)] for rows in (told, true))
    pairs = np.einsum("an,bn->ab", true.astype(int), told.astype(int))
    num_right = pairs[linear_sum_assignment(pairs, maximize=True)].sum()
    num_wrong = np.maximum(true.sum(axis=0), told.sum(axis=0)).sum() - num_right
    return float(num_wrong / max(true.sum(), 1))


def _draw(turns: Sequence[Turn], num_frames: int) -> npt.NDArray[np.bool_]:
    """Return in which frames each speaks (num_speakers, num_frames)."""
    rows = np.zeros((max((turn.speaker for turn in turns), default=0) + 1, num_frames), bool)
    for turn in turns:
        rows[turn.speaker, round(turn.start_sec * FRAMES_A_SECOND) : round(turn.end_sec * FRAMES_A_SECOND)] = True
    return rows


def _choose_scored(truth: Sequence[Turn], num_frames: int) -> npt.NDArray[np.bool_]:
    time = np.arange(num_frames) / FRAMES_A_SECOND
    borders = np.array([border for turn in truth for border in (turn.start_sec, turn.end_sec)])
    return (np.abs(time[:, None] - borders) > COLLAR_SECONDS).all(axis=1)
