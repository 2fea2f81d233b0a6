"""The options of `modal run deploy.py`. Needs nothing but Python itself."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from pipeline.engines import choose_profile_name
from pipeline.errors import InputError
from pipeline.request import Field, VideoRequest, flatten, unflatten

_USUAL_PROFILE = "fast"
"""Other than the request's: a preview needs no cloud."""


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each that a request has; it takes them as one dict, `request`.

    Modal makes options of a function's parameters. Where an option has a shorter name as well, that one counts.
    """
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "request"]
    names = {name: field for field in flatten(VideoRequest) for name in _list_names(field)}

    @functools.wraps(command)
    def run(**values: Any) -> None:  # noqa: ANN401 - of each parameter's type
        given = {name: values.pop(name, None) for name in names}
        given["profile"] = choose_profile_name(given["profile"], given["model"], _USUAL_PROFILE)
        flat = {names[name].name: value for name, value in given.items() if value is not None}
        try:
            request = unflatten(flat, VideoRequest)
        except InputError as error:
            sys.exit(str(error))
        command(request=asdict(request), **values)

    parameters = [*own, *(_make_parameter(name, field) for name, field in names.items())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # which `inspect` looks for
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _make_parameter(name: str, field: Field) -> inspect.Parameter:
    is_own = name == field.name
    default = field.default if is_own and name != "profile" else None
    if field.is_list:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default="", annotation=str)
    kind = field.kind | None if default is None else field.kind
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


def _list_names(field: Field) -> tuple[str, ...]:
    """Return what a field's options are called, its own name first."""
    return field.name, *(flag.removeprefix("--").replace("-", "_") for flag in field.option.flags)
