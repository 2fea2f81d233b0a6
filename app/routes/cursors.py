"""Where the next page of a list begins, as a text that only this server reads."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

from app.errors import CursorError
from app.jobs import Age

_CHECK_BYTES = 8


def write_cursor(place: Age, about: str) -> str:
    """Return the cursor of a place.

    Args:
        place: In the order of age.
        about: What the list has: a cursor belongs to its list.
    """
    told = f"{place[0].isoformat()} {place[1]}".encode()
    return urlsafe_b64encode(_check(told, about) + told).decode().rstrip("=")


def read_cursor(cursor: str, about: str) -> Age:
    """Return the place of a cursor.

    The check is no secret: whoever computes one sees nothing but a part of what they may list anyway.

    Raises:
        CursorError: It is not one of this list.
    """
    try:
        told = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[_CHECK_BYTES:].decode()
        when, _, job_id = told.partition(" ")
        place = datetime.fromisoformat(when), job_id
    except ValueError:
        raise CursorError from None
    if place[0].tzinfo is None or cursor != write_cursor(place, about):
        raise CursorError
    return place


def _check(told: bytes, about: str) -> bytes:
    return hashlib.sha256(told + b"\n" + about.encode()).digest()[:_CHECK_BYTES]
