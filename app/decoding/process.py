"""The process that opens the files of strangers, one order after another: `python -m app.decoding.process`.

It reads orders from its standard input and answers on its standard output. It dies with the server.
"""

import io
import logging
import os
import sys

from app.decoding.limits import limit_order, limit_process
from app.decoding.messages import (
    ORDERS,
    Answer,
    AnyOrder,
    Array,
    ArrayHead,
    DecoderSettings,
    Failed,
    Message,
    Ready,
    Refused,
    Turned,
)
from app.decoding.tasks import Done, perform, prepare
from app.lifetime import die_with, gain_no_privileges
from app.log import set_up_log
from pipeline.errors import InputError, InputTooLargeError
from pipeline.notices import Field

_log = logging.getLogger("app.decoding.process")


class _Outbox:
    """Tells the server."""

    def __init__(self) -> None:
        self._pipe = io.FileIO(os.dup(1), "w")

    def send(self, message: Message, arrays: list[Array] | None = None) -> None:
        for part in (message.model_dump_json().encode() + b"\n", *(array.tobytes() for array in arrays or [])):
            rest = memoryview(part)
            while rest:
                rest = rest[self._pipe.write(rest) :]

    def turn_to(self, about: Field) -> None:
        self.send(Turned(about=about))


def main() -> None:
    """Do what is ordered, until the server ends or has enough."""
    settings = DecoderSettings.model_validate_json(sys.argv[1])
    die_with(settings.server_pid)
    gain_no_privileges()
    outbox = _Outbox()
    _silence_libraries(settings)
    prepare()
    limit_process(settings)
    outbox.send(Ready())
    for line in sys.stdin.buffer:
        order = ORDERS.validate_json(line)
        limit_order(settings, order)
        result, arrays = _attempt(order, outbox)
        heads = tuple(ArrayHead.model_validate({"dtype": str(a.dtype), "shape": a.shape}) for a in arrays)
        outbox.send(Answer(result=result, arrays=heads), arrays)


def _silence_libraries(settings: DecoderSettings) -> None:
    """Let nobody but us write to the server's log: what libraries say of a file may quote it, without end."""
    log = io.TextIOWrapper(io.FileIO(os.dup(2), "w"), line_buffering=True)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    set_up_log(settings.log_level, settings.log_format, process="decoder", stream=log)


def _attempt(order: AnyOrder, outbox: _Outbox) -> Done:
    try:
        return perform(order, outbox.turn_to)
    except InputError as error:
        return Refused(notice=error.notice, too_large=isinstance(error, InputTooLargeError)), []
    except OSError as error:
        _log.warning("A file could not be read or written: %s", error.strerror)
        return Failed(errno=error.errno or 0), []
    except Exception as error:  # noqa: BLE001 - whatever a library raises, there is an answer
        # Not the message: it may quote the file.
        _log.warning("A file could not be decoded (%s, %s)", order.kind, type(error).__name__)
        return Failed(), []


if __name__ == "__main__":
    main()
