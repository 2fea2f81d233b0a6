"""Logging of the server and its workers."""

import logging
import re
from typing import TextIO

_JOB = re.compile(r"(jobs/[\w-]{6})[\w-]{16}", re.ASCII)


class _Formatter(logging.Formatter):
    """Shortens the ids of jobs, which paths in errors contain: whoever has one may watch the video."""

    def format(self, record: logging.LogRecord) -> str:
        return _JOB.sub(r"\1...", super().format(record))


def set_up_log(form: str, level: str, stream: TextIO | None = None) -> None:
    """Log to standard error, or elsewhere.

    Args:
        form: Of a line, as `logging` takes it.
        level: From which on we say something. Others say no more than `info`: below it, Pillow names what stands in
            photos, such as where they were taken.
        stream: In place of standard error.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(form))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.INFO), handlers=[handler])
    for ours in ("app", "pipeline"):
        logging.getLogger(ours).setLevel(number)
    # At every start, they warn about optional features that nothing here needs.
    # And of each form that cannot be read, which anybody may send; whoever sent it is answered.
    for noisy in ("torchao", "torch.utils._pytree", "python_multipart"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
