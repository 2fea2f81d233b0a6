"""Which files may have credentials, by their first bytes. What C2PA's library reads beyond these is not given to it."""

from pathlib import Path

_HEADS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}
_RIFF = {b"WEBP": "image/webp", b"AVI ": "video/avi"}
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heif"}
_HEAD_BYTES = 16
_MARK = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""The UUID of C2PA's store of manifests, which stands in one piece at its beginning."""
_CHUNK_BYTES = 1 << 20


def find_kind(path: Path) -> str | None:
    """Return the MIME type of a picture or a video; None if it is nothing that has credentials.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return next((kind for start, kind in _HEADS.items() if head.startswith(start)), None)


def may_have_credentials(path: Path) -> bool:
    """Look for what every file with credentials has in it: others are not given to the library.

    Raises:
        OSError: It cannot be read.
    """
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            if _MARK in rest + chunk:
                return True
            rest = (rest + chunk)[-len(_MARK) :]
    return False
