"""Whether the web container is there: what it has in memory is nobody else's to change."""

import threading
import time
from collections.abc import Callable

KEY = "web/alive"
_SECONDS_BETWEEN_SIGNS = 60.0
_SECONDS_OF_A_SIGN = 180.0


def keep_telling(write_note: Callable[[str, str], None], seconds: float = _SECONDS_BETWEEN_SIGNS) -> None:
    """Note from now on, as long as this process lives, that it does."""

    def tell() -> None:
        pause = threading.Event()
        while True:
            write_note(KEY, str(time.time()))
            pause.wait(seconds)

    threading.Thread(target=tell, daemon=True).start()


def is_there(note: str | None) -> bool:
    """Say whether the web container was there lately, by its last sign."""
    return note is not None and time.time() - float(note) < _SECONDS_OF_A_SIGN
