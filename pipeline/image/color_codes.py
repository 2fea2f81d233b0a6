"""What a picture's file says of its colours by numbers (H.273): PNG's cICP, HEIC's and AVIF's nclx."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SRGB_PRIMARIES, BT2020_PRIMARIES, DCI_P3_PRIMARIES, P3_PRIMARIES = 1, 9, 11, 12
PQ, HLG = 16, 18


@dataclass(frozen=True)
class ColorCode:
    """What the numbers in a picture mean.

    Attributes:
        primaries: Which red, green and blue, as H.273 numbers them.
        transfer: How light becomes numbers, as H.273 numbers it.
    """

    primaries: int
    transfer: int

    @property
    def is_hdr(self) -> bool:
        """Whether there is light brighter than a white paper in it."""
        return self.transfer in {PQ, HLG}


def read_color_code(content: bytes) -> ColorCode | None:
    """Return what a PNG, HEIC or AVIF says of its main picture; None where it says nothing, or is damaged."""
    try:
        if content.startswith(b"\x89PNG"):
            return _read_png(content)
        return _read_heif(content) if content[4:8] == b"ftyp" else None
    except (struct.error, LookupError):
        return None


def _read_png(content: bytes) -> ColorCode | None:
    place = 8
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"cICP":
            return ColorCode(content[place + 8], content[place + 9])
        if kind == b"IDAT":
            return None
        place += 12 + length
    return None


def _read_heif(content: bytes) -> ColorCode | None:
    """Look at the main picture's properties alone: the file may hold a brighter version of it, with others."""
    view = memoryview(content)
    meta = dict(_read_boxes(dict(_read_boxes(view))[b"meta"][4:]))
    primary = meta[b"pitm"]
    item = int.from_bytes(primary[4:6] if primary[0] == 0 else primary[4:8])
    described = dict(_read_boxes(meta[b"iprp"]))
    properties = list(_read_boxes(described[b"ipco"]))
    for index in _read_associations(described[b"ipma"], item):
        kind, body = properties[index - 1]
        if kind == b"colr" and bytes(body[:4]) == b"nclx":
            return ColorCode(*struct.unpack_from(">HH", body, 4))
    return None


def _read_boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the boxes that lie one after the other: kind and content of each."""
    place = 0
    while place + 8 <= len(view):
        length, kind = struct.unpack_from(">I4s", view, place)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", view, place + 8)
            head = 16
        end = len(view) if length == 0 else place + length
        if end < place + head:
            return
        yield kind, view[place + head : end]
        place = end


def _read_associations(view: memoryview, wanted: int) -> Iterator[int]:
    """Yield the numbers of an item's properties, counted from 1."""
    id_format, has_long_numbers = ">I" if view[0] else ">H", view[3] & 1
    (num_items,) = struct.unpack_from(">I", view, 4)
    place = 8
    for _ in range(num_items):
        (item,) = struct.unpack_from(id_format, view, place)
        place += struct.calcsize(id_format)
        count, step = view[place], 2 if has_long_numbers else 1
        numbers = view[place + 1 : place + 1 + count * step]
        place += 1 + count * step
        if item == wanted:
            mask = 0x7FFF if has_long_numbers else 0x7F
            yield from (int.from_bytes(numbers[start : start + step]) & mask for start in range(0, count * step, step))
