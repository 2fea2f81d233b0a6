"""The payload of a request that runs an event: bounded, and with no file in it but the visitor's own uploads."""

import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from starlette.requests import Request

from app.errors import BodyError, BodyTooLargeError, UploadNotFoundError

_LARGEST_BODY = 1_000_000
_DEEPEST = 12
_LONGEST_TEXT = 200
_LONGEST_SESSION = 64
_KNOWN = ("data", "event_data", "fn_index", "session_hash", "trigger_id")
_EVENT_NAMES = frozenset({"job", "name"})
_EVENT_NUMBERS = frozenset({"face", "zoom", "x", "y"})
_FILE_WIDGETS = (gr.Image, gr.Audio, gr.Video, gr.UploadButton)
_MENUS = (gr.Dropdown, gr.Radio)

Find = Callable[[str], Path | None]
"""Returns one of the visitor's uploads."""


async def read_body(request: Request) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BodyError: It is too large, or not a JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise BodyTooLargeError(f"The request has more than {_LARGEST_BODY:,} bytes, the most that is accepted.")
    try:
        parsed = json.loads(body)
        json.dumps(parsed, ensure_ascii=False).encode()  # halves of characters, which JSON can name, are no text
    except (ValueError, RecursionError):
        raise BodyError("The body cannot be read as a JSON object.") from None
    if not isinstance(parsed, dict):
        raise BodyError("The body cannot be read as a JSON object.")
    return parsed


def clean(body: dict[str, Any], fn: BlockFunction, find: Find) -> dict[str, Any]:
    """Return what Gradio may see of the body.

    Args:
        body: As it came.
        fn: What it asks for.
        find: Of the visitor.

    Raises:
        BodyError: It does not fit what it asks for.
        UploadNotFoundError: It names a file that is no upload of the visitor's.
    """
    data = _complete(body.get("data"), fn)
    wanted = {len(fn.inputs), sum(not widget.skip_api for widget in fn.inputs)}
    if not isinstance(data, list) or len(data) not in wanted:
        raise BodyError(f"data: Expected a list of {len(fn.inputs)} values.", "data")
    if len(data) == len(fn.inputs) and not all(map(_fits, fn.inputs, data)):
        raise BodyError("data: Expected a file as it was answered to its upload.", "data")
    if len(data) == len(fn.inputs) and not all(map(_may_choose, fn.inputs, data)):
        raise BodyError("data: Expected one of a menu's values.", "data")
    _check_names(body)
    _check_event(body.get("event_data"))
    kept = {name: body[name] for name in _KNOWN if body.get(name) is not None} | {"data": data}
    checked: dict[str, Any] = _check(kept, find, 0)
    return checked


def _complete(data: Any, fn: BlockFunction) -> Any:  # noqa: ANN401 - any JSON
    """Add the defaults of the parameters that a caller leaves out, such as those that came with a newer version."""
    if not isinstance(data, list) or len(data) >= len(fn.inputs) or fn.fn is None or fn.api_visibility != "public":
        return data
    parameters = list(inspect.signature(fn.fn).parameters.values())
    missing = [parameter.default for parameter in parameters[len(data) : len(fn.inputs)]]
    return data if inspect.Parameter.empty in missing else data + missing


def _check_names(body: dict[str, Any]) -> None:
    session, trigger = body.get("session_hash"), body.get("trigger_id")
    if session is not None and not (isinstance(session, str) and is_session(session)):
        raise BodyError("session_hash: Expected up to 64 letters, digits and dashes.", "session_hash")
    if trigger is not None and not isinstance(trigger, int):
        raise BodyError("trigger_id: Expected a whole number.", "trigger_id")


def _check_event(event: Any) -> None:  # noqa: ANN401 - any JSON
    """Check what the page says of a press, such as which job; of other events, Gradio sends what it likes."""
    if not isinstance(event, dict):
        return
    for name, value in event.items():
        if name in _EVENT_NAMES and not (isinstance(value, str) and len(value) <= _LONGEST_TEXT):
            raise BodyError(f"event_data: Expected a text as {name}.", "event_data")
        if name in _EVENT_NUMBERS and not _is_number(value):
            raise BodyError(f"event_data: Expected a number as {name}.", "event_data")


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether this is a number, or a text that is one, as the page reads it from a widget."""
    try:
        return isinstance(value, str | int | float) and math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


def is_session(name: str) -> bool:
    """Whether this is a valid name of a session."""
    return 0 < len(name) <= _LONGEST_SESSION and name.isascii() and name.replace("-", "").isalnum()


def _fits(widget: Any, value: Any) -> bool:  # noqa: ANN401 - any widget's
    return value is None or not isinstance(widget, _FILE_WIDGETS) or (isinstance(value, dict) and "path" in value)


def _may_choose(widget: Any, value: Any) -> bool:  # noqa: ANN401 - any widget's
    """Say whether a menu may get the value. Gradio refuses what is not in it, but repeats all of it in the log."""
    return value is None or not isinstance(widget, _MENUS) or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)


def _check(value: Any, find: Find, depth: int) -> Any:  # noqa: ANN401 - any JSON
    if depth > _DEEPEST:
        raise BodyError("The body has lists or objects that lie too deep in one another.")
    if isinstance(value, list):
        return [_check(part, find, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    if "path" in value:
        return _name_file(value, find)
    # The server would fetch a URL.
    return {name: _check(part, find, depth + 1) for name, part in value.items() if name != "url"}


def _name_file(value: dict[str, Any], find: Find) -> dict[str, Any]:
    """Return the file as Gradio knows it, without anything else that the client says about it."""
    path = value["path"]
    found = find(path) if isinstance(path, str) else None
    if found is None:
        raise UploadNotFoundError
    about = {name: value.get(name) for name in ("orig_name", "mime_type")}
    kept = {name: text[:_LONGEST_TEXT] for name, text in about.items() if isinstance(text, str)}
    return {"path": str(found), "size": found.stat().st_size, "meta": {"_type": "gradio.FileData"}, **kept}
