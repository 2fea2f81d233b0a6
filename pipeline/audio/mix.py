"""Which channels of a recording are heard on the left and on the right, and how loud."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from pipeline.audio.blocks import Block
from pipeline.audio.level import Level
from pipeline.types import Floats, Mix

STEREO = 2
_BESIDE = 0.5**0.5
_FRONT = {"FL": (1, 0), "FR": (0, 1), "FLC": (1, 0), "FRC": (0, 1), "DL": (1, 0), "DR": (0, 1)}
_SUBWOOFERS = {"LFE", "LFE2"}
_GUESSED_LAYOUTS = {
    3: ("FL", "FR", "FC"),
    4: ("FL", "FR", "BL", "BR"),
    5: ("FL", "FR", "FC", "BL", "BR"),
    6: ("FL", "FR", "FC", "?", "BL", "BR"),
    7: ("FL", "FR", "FC", "?", "BC", "SL", "SR"),
    8: ("FL", "FR", "FC", "?", "BL", "BR", "SL", "SR"),
}
"""Files that do not name their channels come from recorders as often as from films: the fourth is heard as well."""
_KEPT_ENERGY = 0.3
_CANCELLED_SHARE = 0.1
_SILENT_SHARE = 1e-3
_LOUDEST_PEAK = 0.999

Layout = tuple[str, ...]


@cache
def get_gains(layout: Layout) -> Floats:
    """Return how each channel is heard on the left and the right (1 or 2, channels), as players mix them.

    Source:
        ITU-R BS.775: the centre and the channels behind are heard 3 dB softer on both sides or on their own side;
        a subwoofer repeats what the others have.
    """
    if len(layout) <= STEREO:
        return np.eye(len(layout), dtype=np.float32)
    names = _GUESSED_LAYOUTS[len(layout)] if len(set(layout)) == 1 else layout
    return np.array([_place(name) for name in names], np.float32).T


def _place(name: str) -> tuple[float, float]:
    if name in _FRONT:
        return _FRONT[name]
    if name in _SUBWOOFERS:
        return 0, 0
    return 0 if name.endswith("R") else _BESIDE, 0 if name.endswith("L") else _BESIDE


def mix_block(block: Block, mixes: tuple[Mix, ...] = ()) -> Floats:
    """Return what is heard of a block (1 or 2, samples)."""
    chosen = next((mix.gains for mix in mixes if mix.layout == block.layout), None)
    if chosen is None and len(block.samples) <= STEREO:
        return block.samples
    gains = get_gains(block.layout) if chosen is None else np.array(chosen, np.float32)
    return gains @ block.samples


def choose_mixes(levels: Mapping[Layout, Level]) -> tuple[Mix, ...]:
    """Choose how each layout of channels is heard; there is none for those that stay as they are."""
    chosen = {layout: _choose_gains(layout, level) for layout, level in levels.items()}
    return tuple(
        Mix(layout, tuple(tuple(map(float, row)) for row in gains))
        for layout, gains in chosen.items()
        if gains is not None
    )


def _choose_gains(layout: Layout, level: Level) -> Floats | None:
    """Take one channel where mixing loses the voice; bring more than two to the level of the loudest one."""
    energy = level.energy[: len(layout)]
    loudest = np.eye(len(layout), dtype=np.float32)[[int(energy.argmax())]]
    if level.cancelled_energy > _CANCELLED_SHARE * level.expected_energy:
        return loudest
    if len(layout) <= STEREO:
        return loudest if level.mixed_energy < _KEPT_ENERGY * float(energy.max()) else None
    if level.heard_energy.max() < _SILENT_SHARE * energy.max():
        return loudest
    gains = get_gains(layout)
    heard = level.heard_energy
    if heard.min() < _SILENT_SHARE * heard.max():
        gains, heard = gains[[heard.argmax()]], heard[[heard.argmax()]]
    if not heard.any():
        return gains
    gain = min(float(np.sqrt(energy.max() / heard.mean())), _LOUDEST_PEAK / level.heard_peak)
    return gains * np.float32(gain)
