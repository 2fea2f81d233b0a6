"""Why the server does not do what was asked, in the page's language."""

from app.errors import AppError, DecodingError, QueueFullError, ServerStoppingError, StorageError
from app.ui import words
from app.ui.texts import Texts
from pipeline.errors import InputError

_KEYS: dict[type[AppError], str] = {
    ServerStoppingError: "status.stopping.detail",
    StorageError: "status.no_room.detail",
    DecodingError: "status.busy.detail",
}


def explain(error: InputError | AppError, texts: Texts) -> str:
    """Return a sentence that says what to do."""
    if isinstance(error, InputError):
        return texts.notice(error.notice)
    if isinstance(error, QueueFullError):
        return texts("status.full.detail", time=words.remaining(texts, error.retry_after_seconds))
    return texts(_KEYS.get(type(error), "status.internal"))
