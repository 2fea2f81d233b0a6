"""Logging of the server and its workers: lines for people, or JSON for what collects logs."""

import asyncio
import json
import logging
import re
import secrets
import sys
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, TypeVar

LogFormat = Literal["text", "json"]
_Result = TypeVar("_Result")

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered; None outside of one."""

_JOB = re.compile(r"(jobs/[\w-]{6})[\w-]{16}|(/[\w-]{6})[\w-]{16}(?=-(?:video\.mp4|poster\.jpg))", re.ASCII)
_TOLD_JOB = re.compile(r"\bjobs?[ /]([\w-]{6})(?![\w-])", re.ASCII)
_NOISY = ("torchao", "torch.utils._pytree", "python_multipart")
"""The first two warn at every start about features that nothing here needs, the last of each form that cannot be read,
which anybody may send; whoever sent it is answered."""


class _Formatter(logging.Formatter):
    """Shortens the ids of jobs, which paths in errors contain: whoever has one may watch the video."""

    def format(self, record: logging.LogRecord) -> str:
        return _JOB.sub(r"\1\2...", super().format(record))


class _JsonFormatter(logging.Formatter):
    """Writes a line of JSON: when, how bad, from where, what; the request and the job that it is about."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        message = _JOB.sub(r"\1\2...", record.getMessage())
        job = _TOLD_JOB.search(message)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": message,
            "request": request_id.get(),
            "job": job[1] if job else None,
            "error": _JOB.sub(r"\1\2...", self.formatException(record.exc_info)) if record.exc_info else None,
            **getattr(record, "fields", {}),
        }
        return json.dumps({name: value for name, value in line.items() if value is not None})


def set_up_log(
    level: str,
    form: LogFormat = "text",
    *,
    process: str = "server",
    is_dated: bool = True,
    stream: TextIO | None = None,
) -> None:
    """Log to standard error, or elsewhere.

    Args:
        level: From which on we say something. Others say no more than `info`: below it, Pillow names what stands in
            photos, such as where they were taken.
        form: Of a line.
        process: Which of the app's processes this is.
        is_dated: Whether a line of text begins with the time, which some places add themselves.
        stream: In place of standard error.
    """
    who = "" if process == "server" else f"{process}: "
    text = _Formatter(f"{'%(asctime)s ' if is_dated else ''}%(levelname)s {who}%(message)s")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(text if form == "text" else _JsonFormatter(process))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.INFO), handlers=[handler])
    for ours in ("app", "pipeline"):
        logging.getLogger(ours).setLevel(number)
    # A request is a line for what collects logs; people would see nothing else.
    logging.getLogger("app.requests").setLevel(max(number, logging.INFO) if form == "json" else logging.WARNING)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.ERROR)


def start_task(work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
    """Start a task that outlasts the request by which it is started: its lines in the log are not of that request."""
    return asyncio.create_task(work, context=Context())


def begin_request() -> str:
    """Give the request that begins an id, and return it."""
    chosen = secrets.token_hex(6)
    request_id.set(chosen)
    return chosen
