"""Reads an uploaded picture: upright, RGB, 8 bits. What kind of file it is, its bytes say and not its name."""

import io
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from pipeline.errors import InputError, InputTooLargeError
from pipeline.files import open_regular
from pipeline.image.color_codes import ColorCode, read_color_code
from pipeline.image.colors import flatten, make_converter
from pipeline.image.hdr import to_srgb
from pipeline.image.kinds import FORMATS, check_segments, name_kind, refuse_raw
from pipeline.types import Photo, Pixels

MAX_MEGABYTES = 50
MAX_MEGAPIXELS = 64
MIN_SIDE = 128
_MAX_READS = 500_000
"""Of a file's parts, one after the other; programs write some thousand."""

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
        refuse_raw(image, content)
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
    check_segments(content)
    pillow_heif.register_heif_opener()
    try:
        return Image.open(_Content(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputTooLargeError("photo.too_many_pixels", "image", most=MAX_MEGAPIXELS) from None
    except UnidentifiedImageError:
        raise name_kind(content) from None
    except Exception as error:
        raise InputError("photo.damaged", "image") from error


def _check_size(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        raise InputTooLargeError("photo.too_many_pixels", "image", most=MAX_MEGAPIXELS)
    if min(size) < MIN_SIDE:
        raise InputError("photo.too_small", "image", width=width, height=height, least=MIN_SIDE)


def _decode(image: Image.Image, content: bytes) -> Pixels:
    try:
        pixels = _fill(image, content)
        orientation = _read_orientation(image)
        image.close()  # what was unpacked is in memory until then
        return _turn_upright(pixels, orientation)
    except MemoryError:
        raise
    except Exception as error:
        raise InputError("photo.damaged", "image") from error


def _fill(image: Image.Image, content: bytes) -> Pixels:
    code = read_color_code(content)
    if image.format == "HEIF" and code is not None and code.is_hdr:
        return _read_bright_heif(content, code)
    if image.format != "WEBP":
        image.load()
    convert = make_converter(image, code)
    width, height = image.size  # a TIFF's are those of the upright picture, once it is loaded
    pixels = np.empty((height, width, 3), np.uint8)
    for number, strip in enumerate(_unpack_webp(image, content) if image.format == "WEBP" else _unpack(image)):
        pixels[number * _STRIP_ROWS : (number + 1) * _STRIP_ROWS] = np.asarray(convert(strip))
    return pixels


def _read_bright_heif(content: bytes, code: ColorCode) -> Pixels:
    """Read all bits of a HEIC with light brighter than white: with eight, dark skin would have steps."""
    codes = np.asarray(pillow_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=False))
    colors = codes[..., :3] if codes.ndim == 3 else np.repeat(codes[..., None], 3, axis=2)
    pixels = to_srgb(colors, code, int(colors.max()))
    if codes.ndim == 3 and codes.shape[2] == 4:
        alpha = Image.fromarray((codes[..., 3] // (np.iinfo(codes.dtype).max // 255)).astype(np.uint8))
        return np.asarray(flatten(Image.fromarray(pixels), alpha))
    return pixels


def _unpack(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the picture in strips, as it was stored."""
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


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken notes raise anything, and are no reason to refuse a good picture
        return 1


def _turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.asarray(turn(pixels))
