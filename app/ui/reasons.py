"""Why the server does not do what was asked, in the page's language."""

import json

from app.errors import AppError, DecodingError, LimitError, QueueFullError, ServerStoppingError, StorageError
from app.ui import markup, words
from app.ui.texts import Texts
from pipeline.errors import InputError

_KEYS: dict[type[AppError], str] = {
    ServerStoppingError: "status.stopping.detail",
    StorageError: "status.no_room.detail",
    DecodingError: "status.busy.detail",
}
_REFUSALS = {"413": "too_large", "429": "too_many", "507": "no_room", "failed": "failed"}
"""What is said of an upload that the server refused, by the status of its answer."""


def explain(error: InputError | AppError, texts: Texts) -> str:
    """Return a sentence that says what to do."""
    if isinstance(error, InputError):
        return texts.notice(error.notice)
    if isinstance(error, LimitError):
        return texts("status.limit.detail", time=words.remaining(texts, error.retry_after_seconds or 0))
    if isinstance(error, QueueFullError):
        return texts("status.full.detail", time=words.remaining(texts, error.retry_after_seconds))
    return texts(_KEYS.get(type(error), "status.internal"))


def complain(kind: str, texts: Texts) -> str:
    """Return the script that says beside a widget why a file was not taken.

    Args:
        kind: What the widget takes, `photo` or `voice`.
        texts: In the page's language.
    """
    sentences = {"": texts(f"{kind}.wrong_kind")} | {why: texts(f"upload.{key}") for why, key in _REFUSALS.items()}
    notes = {why: markup.note([sentence], "error") for why, sentence in sentences.items()}
    return f"() => page.complain({json.dumps(notes)})"
