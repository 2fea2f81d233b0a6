"""The error-correcting code: convolutional, rate 1/3, constraint length 9, decoded softly by Viterbi's algorithm.

Reed-Solomon libraries decide each bit first, which costs 2 dB; the mark has none to spare.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from pipeline.types import Floats
from pipeline.watermark.payload import NUM_BITS, Bits

_MEMORY = 8
_NUM_STATES = 1 << _MEMORY
_GENERATORS = (0o557, 0o663, 0o711)
"""The best of this rate and length: free distance 18 (Proakis, Digital Communications, table 8.2-2)."""
NUM_CODED_BITS = (NUM_BITS + _MEMORY) * len(_GENERATORS)


def encode(bits: Bits) -> Bits:
    """Return the code word (NUM_CODED_BITS,) of bits (NUM_BITS,)."""
    tail = np.zeros(_MEMORY, np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([tail, bits, tail]), _MEMORY + 1)
    coded: Bits = windows[:, ::-1] @ _taps().T % 2
    return coded.astype(np.uint8).ravel()


def decode(soft: Floats) -> Bits:
    """Return the bits (NUM_BITS,) whose code word is likeliest.

    Args:
        soft: (NUM_CODED_BITS,); positive where the coded bit is rather 1, the further the surer.
    """
    outputs, before = _transitions()
    gains = soft.reshape(-1, len(_GENERATORS)) @ outputs.T  # (steps, states * 2)
    scores = np.full(_NUM_STATES, -np.inf, np.float32)
    scores[0] = 0
    choices = np.empty((len(gains), _NUM_STATES), np.uint8)
    for step, gain in enumerate(gains):
        paths = scores[before] + gain.reshape(_NUM_STATES, 2)
        choices[step] = paths.argmax(axis=1)
        scores = paths.max(axis=1)
    return _trace(choices, before)


def _trace(choices: Bits, before: npt.NDArray[np.intp]) -> Bits:
    state, bits = 0, np.empty(len(choices), np.uint8)
    for step in range(len(choices) - 1, -1, -1):
        bits[step] = state >> (_MEMORY - 1)
        state = before[state, choices[step, state]]
    return bits[:NUM_BITS]


@cache
def _taps() -> Bits:
    """Return which of the newest and the last bits each output sums, newest first (outputs, _MEMORY + 1)."""
    return np.array([[g >> (_MEMORY - i) & 1 for i in range(_MEMORY + 1)] for g in _GENERATORS], np.uint8)


@cache
def _transitions() -> tuple[Floats, npt.NDArray[np.intp]]:
    """Return each transition's outputs as signs (states * 2, outputs), and the state before (states, 2).

    A state is the last bits, the newest on top; it is reached from two, which differ in the bit that was dropped.
    """
    states = np.arange(_NUM_STATES)
    register = states[:, None] << 1 | np.arange(2)  # the newest bit, and all of the state before
    shifts = np.arange(_MEMORY, -1, -1)
    outputs = (register[..., None] >> shifts & 1) @ _taps().T % 2
    return (2.0 * outputs - 1).reshape(-1, len(_GENERATORS)).astype(np.float32), register & (_NUM_STATES - 1)
