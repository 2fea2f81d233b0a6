"""Reads an uploaded picture: upright, RGB, 8 bits. What kind of file it is, its bytes say and not its name."""

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular
from pipeline.types import Photo, Pixels

MAX_MEGABYTES = 50
MAX_MEGAPIXELS = 64
MIN_SIDE = 128
FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF")
BACKDROP = (200, 200, 200)
"""Behind transparent parts: a light grey that suits fair and dark hair alike."""

_MAX_SCANS, _MAX_SEGMENTS = 64, 10_000
"""Of a JPEG. A scan goes over the whole picture and may have fifty bytes; programs write about ten."""
_MAX_READS = 500_000
"""Of a file's parts, one after the other; programs write some thousand."""

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ORIENTATION = 0x0112
_TURNS: Mapping[int, Callable[[Pixels], Any]] = {
    2: partial(cv2.flip, flipCode=1),
    3: partial(cv2.rotate, rotateCode=cv2.ROTATE_180),
    4: partial(cv2.flip, flipCode=0),
    5: cv2.transpose,
    6: partial(cv2.rotate, rotateCode=cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: partial(cv2.rotate, rotateCode=cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""What makes a picture upright, by EXIF's orientation."""
_STRIP_ROWS = 512
"""So many are converted at a time: a copy of all of a large photo is a quarter of a gigabyte."""
_OTHER_KINDS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\x00": "a TIFF",
    b"MM\x00*": "a TIFF",
    b"%PDF": "a PDF",
    b"<svg": "an SVG",
    b"<?xml": "an SVG",
    b"\x1aE\xdf\xa3": "a video",
    b"RIFF": "a sound or video",
    b"OggS": "a sound",
    b"ID3": "a sound",
}


class _Content(io.BytesIO):
    """A file's bytes, of which no more pieces can be read than a picture needs."""

    num_reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.num_reads += 1
        if self.num_reads > _MAX_READS:
            raise OSError("The file has too many parts.")
        return super().read(size)


def load_photo(path: Path) -> Photo:
    """Decode the picture after its size was checked, so that a bomb is never unpacked.

    Raises:
        InputTooLargeError: It has too many bytes or pixels.
        InputError: It cannot be opened, is empty, of another kind, damaged or too small.
    """
    content = _read(path)
    with _open(content) as image:
        _check_size(image.size)
        return Photo(_decode(image, content))


def _read(path: Path) -> bytes:
    try:
        file = open_regular(path)
    except OSError as error:
        raise InputError("photo.cannot_open", "image") from error
    with file:
        num_bytes = os.fstat(file.fileno()).st_size
        if num_bytes > MAX_MEGABYTES * 1_000_000:
            megabytes = round(num_bytes / 1e6)
            raise InputTooLargeError("photo.too_many_bytes", "image", megabytes=megabytes, most=MAX_MEGABYTES)
        return file.read(num_bytes)


def _open(content: bytes) -> Image.Image:
    if not content:
        raise InputError("photo.empty", "image")
    _check_segments(content)
    pillow_heif.register_heif_opener()
    try:
        return Image.open(_Content(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputTooLargeError("photo.too_many_pixels", "image", most=MAX_MEGAPIXELS) from None
    except UnidentifiedImageError:
        raise _name_kind(content) from None
    except Exception as error:
        raise InputError("photo.damaged", "image") from error


def _check_segments(content: bytes) -> None:
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


def _name_kind(content: bytes) -> InputError:
    start = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or start[4:12] in {b"ftypavif", b"ftypavis"}:
        return InputError("photo.damaged", "image")
    if start[4:8] == b"ftyp":
        return InputError("photo.format", "image", kind="a video")
    kind = next(
        (name for signature, name in _OTHER_KINDS.items() if start.startswith(signature)), "another kind of file"
    )
    return InputError("photo.format", "image", kind=kind)


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise InputTooLargeError("photo.too_many_pixels", "image", most=MAX_MEGAPIXELS)
    if min(size) < MIN_SIDE:
        raise InputError("photo.too_small", "image", width=width, height=height, least=MIN_SIDE)


def _decode(image: Image.Image, content: bytes) -> Pixels:
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    try:
        for number, strip in enumerate(_unpack(image, content)):
            pixels[number * _STRIP_ROWS : (number + 1) * _STRIP_ROWS] = np.asarray(_to_rgb(strip))
        orientation = _read_orientation(image)
        image.close()  # what was unpacked is in memory until then
        return _turn_upright(pixels, orientation)
    except MemoryError:
        raise
    except Exception as error:
        raise InputError("photo.damaged", "image") from error


def _unpack(image: Image.Image, content: bytes) -> Iterator[Image.Image]:
    """Yield the picture in strips, as it was stored."""
    if image.format == "WEBP":
        yield from _unpack_webp(image, content)
        return
    image.load()
    for top in range(0, image.height, _STRIP_ROWS):
        yield image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height)))


def _unpack_webp(image: Image.Image, content: bytes) -> Iterator[Image.Image]:
    """Yield strips of a WebP, for which Pillow would take 16 bytes a pixel, as if each were an animation."""
    picture: Any = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    to_rgb = cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB
    for top in range(0, image.height, _STRIP_ROWS):
        strip = Image.fromarray(cv2.cvtColor(picture[top : top + _STRIP_ROWS], to_rgb))
        strip.info = image.info
        yield strip


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit greys at 255 instead of scaling them.
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        cutout = image.convert("RGBA")
        flat = Image.new("RGB", image.size, BACKDROP)
        flat.paste(cutout, mask=cutout.getchannel("A"))
        return flat
    if image.info.get("icc_profile"):
        return _to_srgb(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _to_srgb(image: Image.Image) -> Image.Image:
    """Honour the picture's colour profile: a phone's Display P3 looks pale, and CMYK garish, without it."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        if "sRGB" in ImageCms.getProfileDescription(profile) and image.mode == "RGB":
            return image
        source = image if image.mode in {"RGB", "CMYK", "L"} else image.convert("RGB")
        converted = ImageCms.profileToProfile(source, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB")
    return converted or image.convert("RGB")


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken notes raise anything, and are no reason to refuse a good picture
        return 1


def _turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.asarray(turn(pixels))
