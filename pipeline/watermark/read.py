"""Read the mark out of frames of any video, or out of one picture."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.types import Floats, FrameSize, Pixels
from pipeline.watermark.carriers import Spectrum, compare, get_carriers, measure
from pipeline.watermark.convolution import NUM_CODED_BITS, decode
from pipeline.watermark.payload import JOB_BITS, TAG_BITS, Payload, unpack
from pipeline.watermark.residual import choose_size, make_residual
from pipeline.watermark.search import Place, find_places, get_whole_place

_NUM_PLACES = 6
_LEAST_SCORE = 12.5
_TRIALS = 1e8
"""More than all sizes, offsets and mirrored pictures that are looked at."""
_SMALLEST_SIDE, _LONGEST = 96, 6.0
"""Pixels, and sides in the shorter one, of pictures in which there is room for the mark."""
_LEAST_DETAIL = 1e-3
"""Below it there is nothing but errors of rounding."""


@dataclass(frozen=True)
class Reading:
    """A mark that was found.

    Attributes:
        payload: What it says.
        score: How well all waves fit it, in standard deviations of a picture without mark.
        is_mirrored: Whether the picture was flipped from left to right.
    """

    payload: Payload
    score: float
    is_mirrored: bool = False

    @property
    def false_alarm(self) -> float:
        """Bound of the probability that any mark fits a picture without one so well.

        The pattern's phases were drawn at random, so the cosine of each wave's phase against it has no heavier tail,
        whatever the picture, than a normal distribution of variance 1/2 (its moments are those of a Bessel function),
        and so has a sum of them with weights. The rest is the number of trials.
        """
        return min(1.0, _TRIALS * 2.0 ** (JOB_BITS + TAG_BITS) * math.exp(-(self.score**2) / 2))

    @property
    def confidence(self) -> float:
        """1 less the probability of a false alarm."""
        return 1.0 - self.false_alarm


class Reader:
    """Collects frames of one video, of which a few dozen from everywhere suffice, and reads their mark."""

    def __init__(self) -> None:
        self._size: FrameSize | None = None
        self._sum: Floats = np.zeros((0, 0), np.float32)

    def add(self, frame: Pixels) -> None:
        """Look at a frame (height, width, 3), RGB, of any size; those of a video lie over one another."""
        if not _is_readable(frame):
            return
        if self._size is None:
            self._size = choose_size(frame)
            self._sum = np.zeros((self._size.height, self._size.width), np.float32)
        self._sum += make_residual(frame, self._size)

    def read(self) -> Reading | None:
        """Return the mark of all frames so far, or None where there is none."""
        if not abs(self._sum).max(initial=0.0) > _LEAST_DETAIL:
            return None
        return _read_whole(self._sum) or _read_anywhere(self._sum, is_mirrored=False) or self._read_mirrored()

    def _read_mirrored(self) -> Reading | None:
        return _read_anywhere(np.ascontiguousarray(self._sum[:, ::-1]), is_mirrored=True)


def read_mark(frames: Iterable[Pixels]) -> Reading | None:
    """Return the mark of frames (height, width, 3), RGB, of one video; of a picture where it is only one."""
    reader = Reader()
    for frame in frames:
        reader.add(frame)
    return reader.read()


def has_mark(picture: Pixels) -> bool:
    """Whether a picture (height, width, 3), RGB, has the mark, and was not cropped: a hundredth of a search."""
    if not _is_readable(picture):
        return False
    residual = make_residual(picture, choose_size(picture))
    return bool(abs(residual).max() > _LEAST_DETAIL) and _read_whole(residual) is not None


def _is_readable(frame: Pixels) -> bool:
    shorter, longer = sorted(frame.shape[:2])
    return bool(shorter >= _SMALLEST_SIDE and longer <= _LONGEST * shorter)


def _read_whole(picture: Floats) -> Reading | None:
    return _read_at(picture, get_whole_place(picture), is_mirrored=False)


def _read_anywhere(picture: Floats, *, is_mirrored: bool) -> Reading | None:
    readings = (_read_at(picture, place, is_mirrored=is_mirrored) for place in find_places(picture, _NUM_PLACES))
    return next((reading for reading in readings if reading), None)


def _read_at(picture: Floats, place: Place, *, is_mirrored: bool) -> Reading | None:
    fits = _align(picture, place)
    carriers = get_carriers()
    data = carriers.bits >= 0
    soft = np.bincount(carriers.bits[data], fits.real[data], NUM_CODED_BITS).astype(np.float32)
    payload = unpack(decode(soft))
    if payload is None:
        return None
    signs = carriers.get_signs(payload)
    score = float(fits.real @ signs / np.sqrt(carriers.num_waves / 2))
    return Reading(payload, score, is_mirrored) if score >= _LEAST_SCORE else None


def _align(picture: Floats, place: Place) -> Spectrum:
    """Return how each wave agrees with the pattern, if the mark lies at a place."""
    carriers = get_carriers()
    across, down = place.offset
    turned = np.exp(-2j * np.pi * (carriers.across * across + carriers.down * down))
    fits: Spectrum = compare(measure(picture, place.tile), carriers) * turned.astype(np.complex64)
    return fits
