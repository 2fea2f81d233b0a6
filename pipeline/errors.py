"""The tree of errors. User input raises `InputError`; what the engines do raises `EngineError`."""

from pipeline.notices import Field, Notice, Value


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


class GenerationCancelledError(PipelineError):
    """The job was cancelled while it ran."""
