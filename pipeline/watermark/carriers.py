"""The waves that carry the mark: a pattern repeated in square tiles, each wave of which has one bit as its sign.

A tile's side follows from the frame's area, so that the mark is the same at every size. Waves are counted in periods a
tile: (across, down). Their phases are random but public, so that any deployment reads every other's mark.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from pipeline.types import Floats, FrameSize
from pipeline.watermark.convolution import NUM_CODED_BITS, encode
from pipeline.watermark.payload import Payload, pack

Spectrum = npt.NDArray[np.complex64]
Counts = npt.NDArray[np.intp]

TILES = 2.0
"""Sides of a tile in the square root of a frame's area."""
LOWEST, HIGHEST = 9, 32
"""Periods a tile. Lower ones are seen, and are where pictures are strong; higher ones are lost at half size."""
SYNC_HIGHEST = 24
"""The mark's place is found by low waves, which allow a coarse search."""
_SYNC_SHARE = 0.45


@dataclass(frozen=True)
class Carriers:
    """All waves of a tile.

    Attributes:
        across: Periods a tile from left to right (n,), 0 to HIGHEST.
        down: Periods a tile from top to bottom (n,), -HIGHEST to HIGHEST.
        phases: Unit numbers (n,).
        bits: Which coded bit each carries (n,); -1 where the sign is always positive, for synchronisation.
    """

    across: Counts
    down: Counts
    phases: Spectrum
    bits: Counts

    @property
    def num_waves(self) -> int:
        """How many there are."""
        return len(self.bits)

    @cached_property
    def sync(self) -> "Carriers":
        """Those that find the mark's place."""
        is_sync = self.bits < 0
        return Carriers(self.across[is_sync], self.down[is_sync], self.phases[is_sync], self.bits[is_sync])

    def get_signs(self, payload: Payload) -> Floats:
        """Return each wave's sign (n,), 1 or -1, in the mark of a payload."""
        signs = np.append(2.0 * encode(pack(payload)) - 1, 1.0).astype(np.float32)
        return np.asarray(signs[self.bits])


@cache
def get_carriers() -> Carriers:
    """Return the waves, which are the same for ever: each change makes all videos so far unreadable."""
    across, down = _choose_waves()
    phases = np.exp(2j * np.pi * _draw_numbers("phases", len(across))).astype(np.complex64)
    can_sync = np.hypot(across, down) <= SYNC_HIGHEST
    is_data = ~(can_sync & (_draw_numbers("synchronisation", len(across)) < _SYNC_SHARE))
    bits = np.full(len(across), -1)
    order = np.argsort(_draw_numbers("bits", int(is_data.sum())), kind="stable")
    bits[is_data] = order % NUM_CODED_BITS
    return Carriers(across, down, phases, bits)


def _draw_numbers(name: str, count: int) -> npt.NDArray[np.float64]:
    """Return random numbers from 0 to 1 that no other version of a library draws otherwise."""
    drawn = hashlib.shake_256(f"video-lab watermark: {name}".encode()).digest(4 * count)
    return np.frombuffer(drawn, "<u4") / 2.0**32


def _choose_waves() -> tuple[Counts, Counts]:
    """Leave out upright and level waves: frames' edges, walls and windows are full of them."""
    across, down = (axis.ravel() for axis in np.meshgrid(np.arange(HIGHEST + 1), np.arange(-HIGHEST, HIGHEST + 1)))
    radius = np.hypot(across, down)
    is_used = (radius >= LOWEST) & (radius <= HIGHEST) & (across >= 2) & (abs(down) >= 2)
    return across[is_used], down[is_used]


def measure(picture: Floats, tile: tuple[float, float], highest: int = HIGHEST) -> Spectrum:
    """Return how strong each wave is in a picture.

    Args:
        picture: (height, width), around 0.
        tile: Width and height of a tile in pixels, not necessarily whole.
        highest: The highest wave that is measured.

    Returns:
        (2 * highest + 1, highest + 1), rows from -highest.
    """
    height, width = picture.shape
    strengths: Spectrum = make_waves(height, tile[1], -highest, highest).T @ (
        picture @ make_waves(width, tile[0], 0, highest)
    )
    return strengths


def compare(tables: Spectrum, carriers: Carriers) -> Spectrum:
    """Return how waves measured in a picture agree with the pattern's.

    Args:
        tables: (..., rows, columns), as `measure` returns them.
        carriers: The waves that are compared, n.

    Returns:
        (..., n), with a mean square of 1; real and positive where the phases are the same. The size is the square root
        of the wave's: strong waves are surer, but a picture of stripes must not speak through one alone.
    """
    highest = tables.shape[-1] - 1
    found = tables[..., carriers.down + highest, carriers.across]
    sizes = np.maximum(abs(found), np.float32(1e-9))
    return np.asarray(
        found * carriers.phases.conj() / np.sqrt(sizes * sizes.mean(axis=-1, keepdims=True)), np.complex64
    )


def draw(payload: Payload, size: FrameSize) -> Floats:
    """Return the pattern (height, width) of a payload in a whole frame; its root mean square is 1."""
    carriers = get_carriers()
    side = math.sqrt(size.width * size.height) / TILES
    table = np.zeros((2 * HIGHEST + 1, HIGHEST + 1), np.complex64)
    table[carriers.down + HIGHEST, carriers.across] = carriers.phases * carriers.get_signs(payload)
    rows = make_waves(size.height, side, -HIGHEST, HIGHEST).conj() @ table
    pattern = (rows @ make_waves(size.width, side, 0, HIGHEST).conj().T).real
    return np.asarray(pattern / math.sqrt(carriers.num_waves / 2), np.float32)


def make_waves(length: int, period: float, lowest: int, highest: int) -> Spectrum:
    """Return waves exp(-2 pi i k x / period) as (length, waves)."""
    angles = np.outer(np.arange(length) + 0.5, np.arange(lowest, highest + 1)) * (-2j * np.pi / period)
    return np.exp(angles).astype(np.complex64)
