"""The part of a recording that is used."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from pipeline.audio.blocks import Block
from pipeline.errors import InputError
from pipeline.request import MIN_SECONDS


@dataclass(frozen=True)
class Part:
    """Where in a recording to begin, and how much of it to use.

    Attributes:
        start_seconds: Where it begins.
        max_seconds: How long it may be at most; infinite takes the rest.
    """

    start_seconds: Fraction
    max_seconds: Fraction | float = math.inf


def choose_part(start_seconds: float, max_duration_seconds: float | None) -> Part:
    """Check what a person asked for, before the recording is known.

    Raises:
        InputError: The start is negative or the length below a second.
    """
    if not (math.isfinite(start_seconds) and start_seconds >= 0):
        raise InputError("audio.start_invalid", "start_sec", start=start_seconds)
    if max_duration_seconds is None:
        return Part(Fraction(start_seconds))
    if not (math.isfinite(max_duration_seconds) and max_duration_seconds >= MIN_SECONDS):
        raise InputError("audio.length_invalid", "max_duration_sec", length=max_duration_seconds)
    return Part(Fraction(start_seconds), Fraction(max_duration_seconds))


def check_part(part: Part, part_seconds: Fraction, total_seconds: Fraction) -> None:
    """Refuse a part that turned out to be too short.

    Args:
        part: What was asked for.
        part_seconds: How much of the recording it holds.
        total_seconds: How long the recording is.

    Raises:
        InputError: Less than a second is left.
    """
    if part_seconds >= MIN_SECONDS:
        return
    start, total = float(part.start_seconds), math.floor(100 * total_seconds) / 100  # .999 is no second
    if total_seconds < MIN_SECONDS:
        raise InputError("audio.too_short", "audio", total=total)
    if part.start_seconds >= total_seconds:
        raise InputError("audio.start_beyond_end", "start_sec", start=start, total=total)
    raise InputError("audio.part_too_short", "start_sec", start=start, total=total)


def cut_part(blocks: Iterable[Block], part: Part) -> Iterator[Block]:
    """Yield the part's samples only, exact to the sample; `blocks` is not read beyond the part's end."""
    seconds = Fraction(0)
    end_seconds = part.start_seconds + part.max_seconds
    for block in blocks:
        first = _clip_to(block, part.start_seconds - seconds)
        last = _clip_to(block, end_seconds - seconds)
        if last > first:
            yield replace(block, samples=block.samples[:, first:last])
        seconds += block.seconds
        if seconds >= end_seconds:
            return


def _clip_to(block: Block, seconds: Fraction | float) -> int:
    """Return the sample of the block that is nearest to a time counted from the block's beginning."""
    num_samples: int = block.samples.shape[1]
    return round(min(max(seconds * block.sampling_rate, 0), num_samples))
