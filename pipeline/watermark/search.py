"""Find where the mark lies in a picture that was cropped, scaled or stretched."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from pipeline.types import Floats
from pipeline.watermark.carriers import SYNC_HIGHEST, TILES, Spectrum, compare, get_carriers, make_waves

_STEP = 1.015
"""Between the sizes of a tile that are tried: as much as the highest wave of synchronisation endures."""
_SMALLEST, _LARGEST = 0.5, 1.9
"""Sizes of a tile, against those of a frame that is whole."""
_MOST_STRETCHED = 1.4
_FINER_STEPS = (0.006, 0.003, 0.0015)
_COARSE_GRID, _FINE_GRID = 64, 128
"""Places a tile, across and down."""


@dataclass(frozen=True)
class Place:
    """How the mark may lie in a picture.

    Attributes:
        tile: Width and height of a tile, in pixels.
        offset: Where in a tile the picture's upper left corner is: across and down, 0 to 1.
        score: How well the waves of synchronisation agree, in standard deviations of a picture without mark.
    """

    tile: tuple[float, float]
    offset: tuple[float, float]
    score: float = 0.0


def get_whole_place(picture: Floats) -> Place:
    """Return where the mark lies in a whole frame."""
    side = float(np.sqrt(picture.size)) / TILES
    return Place((side, side), (0.0, 0.0))


def find_places(picture: Floats, num_places: int) -> Iterator[Place]:
    """Yield the likeliest places, best first, among all sizes and offsets."""
    places = sorted(_try_sizes(picture), key=lambda place: place.score, reverse=True)
    for place in islice(_keep_apart(places), num_places):
        yield _refine(picture, place)


def _keep_apart(places: list[Place]) -> Iterator[Place]:
    """Yield the places that are no tries at a peak that one before is at."""
    apart: list[Place] = []
    for place in places:
        if not any(_is_near(place, other) for other in apart):
            apart.append(place)
            yield place


def _is_near(place: Place, other: Place) -> bool:
    """Whether both are tries at the same peak."""
    ratios = np.divide(place.tile, other.tile)
    return bool(abs(np.log(ratios)).max() < 1.5 * np.log(_STEP))


def _try_sizes(picture: Floats) -> Iterator[Place]:
    """Yield the best offset of each size of a tile."""
    height, width = picture.shape
    sides = _choose_sides(picture)
    # One matrix of all sizes' waves, a row a wave: many small products would take ten times as long.
    down_waves = np.concatenate([make_waves(height, side, -SYNC_HIGHEST, SYNC_HIGHEST).T for side in sides])
    num_down = 2 * SYNC_HIGHEST + 1
    for tile_width in sides:
        heights = slice(*np.searchsorted(sides, (tile_width / _MOST_STRETCHED, tile_width * _MOST_STRETCHED)))
        across = picture @ make_waves(width, tile_width, 0, SYNC_HIGHEST)
        tables = down_waves[heights.start * num_down : heights.stop * num_down] @ across
        offsets, scores = _locate(tables.reshape(-1, num_down, SYNC_HIGHEST + 1), _COARSE_GRID)
        for tile_height, offset, score in zip(sides[heights], offsets, scores, strict=True):
            yield Place((tile_width, tile_height), offset, score)


def _choose_sides(picture: Floats) -> Floats:
    whole = np.sqrt(picture.size) / TILES
    num_smaller, num_larger = (round(abs(np.log(end)) / np.log(_STEP)) for end in (_SMALLEST, _LARGEST))
    sides: Floats = whole * _STEP ** np.arange(-num_smaller, num_larger + 1)
    return sides


def _refine(picture: Floats, place: Place) -> Place:
    for step in _FINER_STEPS:
        factors = 1 + step * np.arange(-1, 2)
        widths, heights = (side * factors for side in place.tile)
        tiles = [(width, height) for width in widths.tolist() for height in heights.tolist()]
        offsets, scores = _locate(_measure_all(picture, widths, heights), _FINE_GRID)
        best = int(np.argmax(scores))
        place = Place(tiles[best], offsets[best], scores[best])
    return place


def _measure_all(picture: Floats, widths: Floats, heights: Floats) -> Spectrum:
    """Return how strong each wave is in tiles of all widths and heights (widths * heights, rows, columns)."""
    height, width = picture.shape
    across = [picture @ make_waves(width, side, 0, SYNC_HIGHEST) for side in widths]
    down = [make_waves(height, side, -SYNC_HIGHEST, SYNC_HIGHEST).T for side in heights]
    return np.stack([rows @ columns for columns in across for rows in down])


def _locate(tables: Spectrum, grid: int) -> tuple[list[tuple[float, float]], list[float]]:
    """Return the best offset of each table (n, rows, columns) of waves, and its score.

    The waves' phases against the pattern's turn evenly with an offset, so a Fourier transform tries all of them.
    """
    from scipy import fft  # takes a quarter of a second, and most processes look for no mark

    carriers = get_carriers().sync
    turns = np.zeros((len(tables), grid, grid), np.complex64)
    turns[:, carriers.down, carriers.across] = compare(tables, carriers)
    fits: npt.NDArray[np.float32] = fft.fft2(turns, overwrite_x=True).real.reshape(len(tables), -1)
    peaks = fits.argmax(axis=1)
    scores = fits[np.arange(len(fits)), peaks] / np.sqrt(carriers.num_waves / 2)
    return [(peak % grid / grid, peak // grid / grid) for peak in peaks.tolist()], scores.tolist()
