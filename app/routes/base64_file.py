"""Files that come as base64 inside of JSON."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from app.errors import BodyError

Base64Field = Literal["image_b64", "audio_b64"]

_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<parameters>(;[^;,]*)*),", re.ASCII | re.IGNORECASE)
_HEAD_CHARACTERS = 1024
_SPACE = " \t\r\n\f\v"
_TO_STANDARD = str.maketrans("-_", "+/", _SPACE)
_PIECE_CHARACTERS = 1 << 20
"""So much is decoded at a time: meanwhile no other thread runs, and nobody else is answered."""

_KINDS: dict[Base64Field, tuple[str, ...]] = {
    "image_b64": ("image/", "application/octet-stream"),
    "audio_b64": ("audio/", "video/", "application/ogg", "application/mp4", "application/octet-stream"),
}


def write_base64(text: str, field: Base64Field, path: Path) -> None:
    """Write the bytes of a base64 text or of a data URL; white space and missing padding are forgiven.

    Raises:
        BodyError: It is neither, or of the wrong kind.
    """
    text = _strip_data_url(text, field).rstrip("=" + _SPACE)
    try:
        with path.open("wb") as file:
            file.writelines(_decode(text))
    except ValueError:
        raise BodyError(f"{field} is not base64. Send the file's bytes as base64, or as a data URL.", field) from None
    if path.stat().st_size == 0:
        raise BodyError(f"{field} is empty. Send the file's bytes as base64, or as a data URL.", field)


def _decode(text: str) -> Iterator[bytes]:
    rest = ""
    for start in range(0, len(text), _PIECE_CHARACTERS):
        piece = rest + text[start : start + _PIECE_CHARACTERS].translate(_TO_STANDARD)
        if "=" in piece:
            raise ValueError("There is padding in the middle.")
        end = len(piece) // 4 * 4
        rest = piece[end:]
        yield base64.b64decode(piece[:end], validate=True)
    yield base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True)


def _strip_data_url(text: str, field: Base64Field) -> str:
    head = text[:_HEAD_CHARACTERS].lstrip()
    if head[:5].lower() != "data:":
        return text
    match = _DATA_URL.match(head)
    if match is None or not match["parameters"].lower().endswith(";base64"):
        raise BodyError(f"{field} is a data URL without base64. Expected 'data:<kind>;base64,<text>'.", field)
    kind = (match["kind"] or "application/octet-stream").lower()
    if not kind.startswith(_KINDS[field]):
        wanted = "a picture" if field == "image_b64" else "sound or video"
        raise BodyError(f"{field} is a data URL of kind {kind}; expected {wanted}.", field)
    return text.lstrip()[match.end() :]
