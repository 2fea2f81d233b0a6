"""Files that come as base64 inside of JSON."""

import base64
import re
from pathlib import Path
from typing import Literal

from app.errors import BodyError

Base64Field = Literal["image_b64", "audio_b64"]

_DATA_URL = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<parameters>(;[^;,]*)*),", re.ASCII | re.IGNORECASE)
_HEAD_CHARACTERS = 1024
_SPACE = re.compile(r"\s+")
_KINDS: dict[Base64Field, tuple[str, ...]] = {
    "image_b64": ("image/", "application/octet-stream"),
    "audio_b64": ("audio/", "video/", "application/ogg", "application/mp4", "application/octet-stream"),
}


def write_base64(text: str, field: Base64Field, path: Path) -> None:
    """Write the bytes of a base64 text or of a data URL; white space and missing padding are forgiven.

    Raises:
        BodyError: It is neither, or of the wrong kind.
    """
    text = _strip_data_url(text, field)
    if _SPACE.search(text):
        text = _SPACE.sub("", text)
    if "-" in text or "_" in text:
        text = text.replace("-", "+").replace("_", "/")
    text = text.rstrip("=")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise BodyError(f"{field} is not base64. Send the file's bytes as base64, or as a data URL.", field) from None
    if not data:
        raise BodyError(f"{field} is empty. Send the file's bytes as base64, or as a data URL.", field)
    path.write_bytes(data)


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
