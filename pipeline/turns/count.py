"""How many people speak, as a client says."""

import math

from pipeline.errors import InputError
from pipeline.scene import MAX_SPEAKERS


def check_num_speakers(num_speakers: float | None) -> int | None:
    """Return how many people a client says there are.

    Raises:
        InputError: It is no whole number, or more or fewer than can be told apart.
    """
    if num_speakers is None:
        return None
    if not (math.isfinite(num_speakers) and num_speakers == int(num_speakers) and 1 <= num_speakers <= MAX_SPEAKERS):
        raise InputError("turns.num_speakers", "num_speakers", value=str(num_speakers), most=MAX_SPEAKERS)
    return int(num_speakers)
