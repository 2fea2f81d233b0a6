"""Files sent as base64 inside JSON."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from app.errors import BodyError

Base64Field = Literal["image_b64", "audio_b64"]

_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<parameters>(;[^;,]*)*),", re.ASCII | re.IGNORECASE)
_EDGE_CHARACTERS = 1024
"""How much of each end is searched for what surrounds the base64: the whole text may have 100 million characters."""
_SPACE = " \t\r\n\f\v"
_TO_STANDARD = str.maketrans("-_", "+/", _SPACE)
_CHUNK_CHARACTERS = 1 << 20
"""How much is decoded at a time: meanwhile no other thread can run, and the server answers nobody."""

_KINDS: dict[Base64Field, tuple[str, ...]] = {
    "image_b64": ("image/", "application/octet-stream"),
    "audio_b64": ("audio/", "video/", "application/ogg", "application/mp4", "application/octet-stream"),
}


def write_base64(text: str, field: Base64Field, path: Path) -> None:
    """Write the bytes of base64 text or of a data URL; white space and missing padding are tolerated.

    Raises:
        BodyError: It is neither, or a data URL of the wrong media type.
    """
    edge = text[-_EDGE_CHARACTERS:]
    start, end = _find_start(text, field), len(text) - len(edge) + len(edge.rstrip("=" + _SPACE))
    try:
        with path.open("wb") as file:
            file.writelines(_decode(text, start, end))
    except ValueError:
        raise BodyError(f"{field} is not base64. Send the file's bytes as base64, or as a data URL.", field) from None
    if path.stat().st_size == 0:
        raise BodyError(f"{field} is empty. Send the file's bytes as base64, or as a data URL.", field)


def _decode(text: str, start: int, end: int) -> Iterator[bytes]:
    rest = ""
    for place in range(start, end, _CHUNK_CHARACTERS):
        chunk = rest + text[place : min(place + _CHUNK_CHARACTERS, end)].translate(_TO_STANDARD)
        if "=" in chunk:
            raise ValueError("Padding in the middle.")
        whole = len(chunk) // 4 * 4
        rest = chunk[whole:]
        yield base64.b64decode(chunk[:whole], validate=True)
    yield base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True)


def _find_start(text: str, field: Base64Field) -> int:
    """Return the index of the first base64 character, after the prefix of a data URL if there is one."""
    edge = text[:_EDGE_CHARACTERS]
    head = edge.lstrip()
    if head[:5].lower() != "data:":
        return 0
    match = _DATA_URL.match(head)
    if match is None or not match["parameters"].lower().endswith(";base64"):
        raise BodyError(f"{field} is a data URL without base64. Expected 'data:<kind>;base64,<text>'.", field)
    kind = (match["kind"] or "application/octet-stream").lower()
    if not kind.startswith(_KINDS[field]):
        wanted = "a picture" if field == "image_b64" else "sound or video"
        raise BodyError(f"{field} is a data URL of kind {kind}; expected {wanted}.", field)
    return len(edge) - len(head) + match.end()
