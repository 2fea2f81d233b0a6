"""Which kinds of files are pictures, told by their bytes, and what the others are called."""

import re
from collections.abc import Iterator
from itertools import islice

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.errors import InputError

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")
"""Of those with several pictures, the first one is taken."""
_MAX_SCANS, _MAX_SEGMENTS = 64, 10_000
"""Of a JPEG. A scan goes over the whole picture and may have fifty bytes; programs write about ten."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SUBFILE_TYPE, _IS_REDUCED, _DNG_VERSION, _CANON_RAW = 0x00FE, 1, 0xC612, b"CR"
OTHER_KINDS = {
    b"%PDF": "a PDF",
    b"<svg": "an SVG",
    b"<?xml": "an SVG",
    b"\x1aE\xdf\xa3": "a video",
    b"RIFF": "a sound or video",
    b"OggS": "a sound",
    b"ID3": "a sound",
}
RAW = "a camera's raw file"


def check_segments(content: bytes) -> None:
    """Refuse a JPEG that would be decoded for minutes, or hours, though it is small."""
    if not content.startswith(b"\xff\xd8"):
        return
    kinds = list(islice(_read_segments(content), _MAX_SEGMENTS + 1))
    if len(kinds) > _MAX_SEGMENTS or kinds.count(_START_OF_SCAN) > _MAX_SCANS:
        raise InputError("photo.damaged", "image")


def _read_segments(content: bytes) -> Iterator[int]:
    """Yield the kinds of a JPEG's segments up to its end; what follows that may be a film of some seconds."""
    place = 2
    while (marker := _MARKER.search(content, place)) and (kind := content[marker.start() + 1]) != _END_OF_IMAGE:
        yield kind
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2])


def name_kind(content: bytes) -> InputError:
    """Return what is wrong with a file that is no picture: what it is, or that it is damaged."""
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(_STARTS) or start[4:12] in {b"ftypavif", b"ftypavis"}:
        return InputError("photo.damaged", "image")
    if start[4:8] == b"ftyp":
        return InputError("photo.format", "image", kind="a video")
    kind = next(
        (name for signature, name in OTHER_KINDS.items() if start.startswith(signature)), "another kind of file"
    )
    return InputError("photo.format", "image", kind=kind)


def refuse_raw(image: Image.Image, content: bytes) -> None:
    """Refuse what a camera wrote before it made a picture of it: a TIFF, to Pillow, whose first picture is a tiny one.

    Raises:
        InputError: It is such a file.
    """
    if not isinstance(image, TiffImageFile):
        return
    is_reduced = bool(image.tag_v2.get(_SUBFILE_TYPE, 0) & _IS_REDUCED)
    if is_reduced or _DNG_VERSION in image.tag_v2 or content[8:10] == _CANON_RAW:
        raise InputError("photo.format", "image", kind=RAW)
