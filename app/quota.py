"""How many bytes of uploads may be on the disk at a time, of all clients together and of each."""

import threading
from collections import Counter
from pathlib import Path
from typing import Literal

from app.settings import MEGABYTE, Settings

_CLIENT_BYTES = 600 * MEGABYTE
_VERIFY_CLIENTS = 4
"""Who may send a largest file to verify at the same time, however little may be uploaded."""


class ByteQuota:
    """Counts the bytes of uploads, however they come: through the page or in the body of a request. Safe for threads.

    Args:
        total_bytes: What all uploads together may have.
        client_bytes: What the uploads of one client may have.
    """

    def __init__(self, total_bytes: int, client_bytes: int = _CLIENT_BYTES) -> None:
        self.total_bytes = total_bytes
        self.client_bytes = client_bytes
        self._clients: Counter[str] = Counter()
        self._folders: dict[Path, Counter[str]] = {}
        self._lock = threading.Lock()

    def add(self, folder: Path, client: str, num_bytes: int) -> None:
        """Count more bytes of the client in a folder."""
        with self._lock:
            self._folders.setdefault(folder, Counter())[client] += num_bytes
            self._clients[client] += num_bytes

    def count(self, folder: Path) -> int:
        """Return the bytes that were counted in a folder."""
        return self._folders.get(folder, Counter()).total()

    def release(self, folder: Path) -> None:
        """Stop counting a folder, which has been deleted."""
        with self._lock:
            self._clients -= self._folders.pop(folder, Counter())

    def find_excess(self, client: str) -> Literal["client", "total"] | None:
        """Return which limit is exceeded for this client; None if none is."""
        if self._clients[client] > self.client_bytes:
            return "client"
        return "total" if self._clients.total() > self.total_bytes else None


def make_shelf_quota(settings: Settings) -> ByteQuota:
    """Return what files may have that are kept for later requests: half again of what others have.

    They stay for hours, so that they would leave no room for what is sent at once.
    """
    return ByteQuota(settings.max_uploads_bytes // 2)


def make_verify_quota(settings: Settings) -> ByteQuota:
    """Return what files to verify may have, which anyone may send: a quarter again of what others have.

    There is room for the largest file from each of several clients, and none has more than one such file or an eighth.
    """
    largest = max(settings.max_voice_bytes, settings.max_photo_bytes) + MEGABYTE
    total = max(settings.max_uploads_bytes // 4, _VERIFY_CLIENTS * largest)
    return ByteQuota(total, max(total // 8, largest))
