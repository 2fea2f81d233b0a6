"""The frame of several people who talk: it holds every one's whole face."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import InputError
from pipeline.image.crop import (
    FACE_CENTER_AT,
    HEADS_HIGH,
    MAX_ENLARGEMENT,
    SHOULDERS_WIDE,
    Head,
    check_framing,
    measure_head,
    place_span,
    side_span,
    upright_span,
)
from pipeline.request import Framing
from pipeline.types import Box, Face, FrameSize

MIN_SEEN_PIXELS = 32
"""Hairline to chin in the frame: of a smaller face no mouth is to be seen."""
_AROUND = 1.05
_TOLERANCE = 0.5


@dataclass(frozen=True)
class GroupCrop:
    """Where the frame of several people is cut from the photo.

    Attributes:
        size: Of the frame.
        box: Of its shape, in the photo's pixels.
    """

    size: FrameSize
    box: Box


def crop_group(faces: Sequence[Face], photo: FrameSize, sizes: Sequence[FrameSize], framing: Framing) -> GroupCrop:
    """Choose the frame that fits several people best, and cut it.

    Args:
        faces: Of those who talk, in the photo's pixels.
        photo: Size of the photo.
        sizes: Those that the frame may have.
        framing: Names the faces, and what the person asks to change; that is brought within what shows all of them.

    Raises:
        InputError: No frame holds all of them, or shows them large enough; zoom or shift make no sense.
    """
    check_framing(framing)
    heads = [measure_head(face) for face in faces]
    kept, wanted = _find_kept(heads, photo), _find_wanted(heads)
    crops = [GroupCrop(size, _cut(heads, photo, size, framing)) for size in sizes]
    holding = [crop for crop in crops if _holds(crop.box, kept)]
    if not holding:
        code = "speakers.too_far_apart" if framing.aspect == "auto" else "speakers.too_far_apart_for_shape"
        raise InputError(code, "speakers", faces=_join(framing.faces), aspect=framing.aspect)
    shape = _measure_shape(min(wanted.width, photo.width), min(wanted.height, photo.height))
    best = min(holding, key=lambda crop: abs(_measure_shape(crop.size.width, crop.size.height) - shape))
    _check_seen(heads, best, framing)
    return best


def _find_kept(heads: list[Head], photo: FrameSize) -> Box:
    """Return what has to be in the frame: all faces, as far as the photo shows them."""
    lefts, rights = zip(*map(side_span, heads), strict=True)
    tops, bottoms = zip(*map(upright_span, heads), strict=True)
    return Box(
        max(min(lefts), 0.0), max(min(tops), 0.0), min(max(rights), photo.width), min(max(bottoms), photo.height)
    )


def _find_wanted(heads: list[Head]) -> Box:
    """Return what the frame would show where the photo is large enough: heads and shoulders of all."""
    sides = [SHOULDERS_WIDE * head.face_height / 2 for head in heads]
    highs = [HEADS_HIGH * head.face_height for head in heads]
    return Box(
        min(head.center_x - side for head, side in zip(heads, sides, strict=True)),
        min(head.center_y - FACE_CENTER_AT * high for head, high in zip(heads, highs, strict=True)),
        max(head.center_x + side for head, side in zip(heads, sides, strict=True)),
        max(head.center_y + (1 - FACE_CENTER_AT) * high for head, high in zip(heads, highs, strict=True)),
    )


def _cut(heads: list[Head], photo: FrameSize, size: FrameSize, framing: Framing) -> Box:
    kept, wanted = _find_kept(heads, photo), _find_wanted(heads)
    aspect = size.width / size.height
    largest = min(photo.height, photo.width / aspect)
    smallest = _AROUND * max(kept.height, kept.width / aspect)
    automatic = max(wanted.height, wanted.width / aspect, size.height / MAX_ENLARGEMENT)
    height = min(max(min(automatic, largest) / framing.zoom, smallest), largest)
    width = height * aspect
    left = _give_way((wanted.x_min + wanted.x_max - width) / 2, width, kept.x_min, kept.x_max)
    top = wanted.y_min - FACE_CENTER_AT * (height - wanted.height)
    top = _give_way(top, height, min(head.top for head in heads), max(head.bottom for head in heads))
    left = place_span(left, framing.shift_x * width, width, (kept.x_min, kept.x_max), photo.width)
    top = place_span(top, framing.shift_y * height, height, (kept.y_min, kept.y_max), photo.height)
    return Box(left, top, left + width, top + height)


def _give_way(start: float, length: float, first: float, last: float) -> float:
    """Move a span as little as it takes to hold another one, or at least its end."""
    return max(min(start, first), last - length)


def _holds(crop: Box, kept: Box) -> bool:
    return (
        crop.x_min <= kept.x_min + _TOLERANCE
        and crop.y_min <= kept.y_min + _TOLERANCE
        and crop.x_max >= kept.x_max - _TOLERANCE
        and crop.y_max >= kept.y_max - _TOLERANCE
    )


def _measure_shape(width: float, height: float) -> float:
    return math.log(width / height)


def _check_seen(heads: list[Head], crop: GroupCrop, framing: Framing) -> None:
    scale = crop.size.height / crop.box.height
    heights = [head.face_height * scale for head in heads]
    small = [face for face, height in zip(framing.faces, heights, strict=True) if height < MIN_SEEN_PIXELS]
    if small:
        pixels = round(min(heights))
        raise InputError("speakers.too_small", "speakers", faces=_join(small), pixels=pixels, least=MIN_SEEN_PIXELS)


def _join(faces: Sequence[int]) -> str:
    return ", ".join(map(str, faces))
