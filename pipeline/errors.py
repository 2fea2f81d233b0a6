"""The tree of errors. User input raises `InputError`; what the engines do raises `EngineError`."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.notices import Field, Notice, Person, Value


class PipelineError(Exception):
    """Anything that the pipeline raises on purpose."""


class InputError(PipelineError):
    """The input cannot be used; the notice says why and what to do.

    Attributes:
        notice: The reason, with its code and field.
    """

    def __init__(self, code: str, about: Field, **values: Value) -> None:
        self.notice = Notice(code, about, values)
        super().__init__(self.notice.text)


class InputTooLargeError(InputError):
    """The input has more bytes, pixels or seconds than is accepted."""


@contextmanager
def name_in_errors(person: Person, number: int, about: Field | None = None) -> Iterator[None]:
    """Say of whom an input error inside is, where there are several.

    Args:
        person: How people are numbered.
        number: The number.
        about: The request's field in place of the error's own.
    """
    try:
        yield
    except InputError as error:
        notice = error.notice.name(person, number)
        raise type(error)(notice.code, about or notice.about, **notice.values) from None


class EngineError(PipelineError):
    """The engine failed on an input that had passed the checks."""


class WeightsError(EngineError):
    """A file of weights is missing, broken or not the one expected; the message names the file and the tensor."""


class TokenError(WeightsError):
    """The hub of the weights refused the token, or asked for one."""


class EngineUnavailableError(PipelineError):
    """The profile's engine cannot run on this machine; the message says what it needs."""


class OutputError(PipelineError):
    """The video cannot be written; the message says why."""


class CertificateError(PipelineError):
    """A key or a certificate cannot sign videos; the message says why and what to do."""


class SigningError(PipelineError):
    """A finished video cannot be signed; it is whole all the same."""


class GenerationCancelledError(PipelineError):
    """The job was cancelled while it ran."""
