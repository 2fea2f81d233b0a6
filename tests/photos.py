"""Pictures of every kind, made when a test needs them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

HOPPER = Path("assets/photos/grace_hopper.jpg").resolve()
MONA_LISA = Path("assets/photos/mona_lisa.jpg").resolve()
TURNED = Path(__file__).parent / "pipeline/image/turned.jpg"
"""A singer who looks aside, by 44 degrees as the mesh measures it."""
ORIENTATION = 0x0112


def open_hopper(size: tuple[int, int] | None = None) -> Image.Image:
    """Return the example portrait, whole or resized."""
    picture = Image.open(HOPPER).convert("RGB")
    return picture.resize(size, Image.Resampling.LANCZOS) if size else picture


def open_pair() -> Image.Image:
    """Return both example portraits on one wall, the larger face on the left."""
    wall = Image.new("RGB", (1200, 600), "#8a8f98")
    with Image.open(MONA_LISA) as second:
        wall.paste(open_hopper(), (40, 0))
        wall.paste(second.convert("RGB").resize((300, 400)), (800, 150))
    return wall


def encode(picture: Image.Image, kind: str, orientation: int = 1, **options: object) -> bytes:
    """Return a picture as a file of that kind, with a note of its orientation where that is not 1."""
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    if orientation != 1:
        exif[ORIENTATION] = orientation
        options["exif"] = exif.tobytes()
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def save(folder: Path, content: bytes, name: str = "photo.bin") -> Path:
    """Write an uploaded file."""
    path = folder / name
    path.write_bytes(content)
    return path


def make_png(width: int, height: int, bits: int, color_type: int, rows: bytes) -> bytes:
    """Write a PNG by hand, for kinds that Pillow reads but does not write, and for sizes that nobody should unpack."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_16_bit_png(picture: Image.Image) -> bytes:
    """Return a picture as a PNG with 16 bits a channel, grey or RGB."""
    values = np.asarray(picture).astype(">u2") * 257
    channels = 1 if values.ndim == 2 else values.shape[2]
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return make_png(picture.width, picture.height, 16, 0 if channels == 1 else 2, rows)
