"""Endpoints as Gradio reads them: a parameter and an input for each file and for each option of a request."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from app.ui.inputs import create_box
from pipeline.engines import PROFILES
from pipeline.errors import InputError
from pipeline.request import MAX_SECONDS, AnyRequest, Field, flatten, unflatten

_FIRST = ("profile", "max_duration_sec", "prompt", "seed", "aspect", "face", "zoom")
"""The order of the options that there were first; clients may name values by their place."""
_LAST = ("speakers", "order", "turns", "label", "consent")
"""What came later, for the same reason."""
_UNSET = {"max_duration_sec": MAX_SECONDS, "seed": -1, "face": 0}
"""What stands for an option that is not given, where that is not None."""

Files = Mapping[str, str | None]
"""The paths of an endpoint's files, by their parameters' names."""
Answer = Callable[..., Awaitable[Any]]


def spell_out(
    answer: Answer,
    files: dict[str, str],
    kind: type[AnyRequest],
    *,
    later_files: dict[str, str] | None = None,
    names: dict[str, str] | None = None,
    more: tuple[inspect.Parameter, ...] = (),
) -> Answer:
    """Return an endpoint that takes its request as a parameter for each file and each option.

    Args:
        answer: Takes the files' paths by their names, the request, names, and what more there is.
        files: The files' descriptions, by name.
        kind: Of the request.
        later_files: Of those that may be left out; they stand behind the options.
        names: Descriptions of texts that are about the job and may be left out, by parameter; they stand behind these.
        more: Parameters that Gradio itself fills in.
    """
    later, texts = later_files or {}, names or {}
    fields = list_inputs(kind)
    named = [
        *(_parameter(name, str) for name in files),
        *map(_spell, fields),
        *(_parameter(name, str | None, None) for name in (*later, *texts)),
    ]

    async def call(*values: Any) -> Any:  # noqa: ANN401 - as Gradio hands them over
        given = dict(zip((one.name for one in named), values, strict=False))
        paths = {name: given[name] for name in (*files, *later)}
        options = {field.name: _read(field, given[field.name]) for field in fields}
        try:
            asked = unflatten(options, kind)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return await answer(paths, asked, *(given[name] or None for name in texts), *values[len(named) :])

    parameters = [*named, *more]
    described = files | {field.name: field.option.description for field in fields} | later | texts
    call.__name__ = answer.__name__
    call.__doc__ = _describe(answer, described)
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # which `inspect` looks for
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    return call


def list_inputs(kind: type[AnyRequest]) -> list[Field]:
    """Return a request's options in the order of the endpoint's parameters."""
    fields = {field.name: field for field in flatten(kind)}
    first = [fields.pop(name) for name in _FIRST if name in fields]
    last = [fields.pop(name) for name in _LAST if name in fields]
    return [*first, *fields.values(), *last]


def create_inputs(kind: type[AnyRequest]) -> list[Component]:
    """Make Gradio's inputs for a request's options."""
    return [_create_input(field) for field in list_inputs(kind)]


def _create_input(field: Field) -> Component:
    choices = list(PROFILES) if field.name == "profile" else field.choices
    value = _find_default(field)
    if choices:
        return gr.Dropdown(list(choices), value=value, label=field.name)
    if field.kind is bool:
        return create_box(value, label=field.name)
    if field.kind is str or field.is_list:
        return gr.Textbox(value, label=field.name)
    return gr.Number(value, precision=0 if field.kind is int else None, label=field.name)


def _find_default(field: Field) -> Any:  # noqa: ANN401 - of the field's kind
    return "" if field.is_list else _UNSET.get(field.name, field.default)


def _read(field: Field, value: Any) -> Any:  # noqa: ANN401 - of the field's kind
    """Return an option's value; None where it was not given."""
    is_unset = value in {None, ""} or (field.name == "seed" and value < 0) or value == _UNSET.get(field.name)
    return field.default if is_unset else value


def _spell(field: Field) -> inspect.Parameter:
    kind = float if field.kind is int else str if field.is_list else field.kind
    is_optional = field.is_optional and not field.is_list
    return _parameter(field.name, kind | None if is_optional else kind, _find_default(field))


def _parameter(name: str, kind: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:  # noqa: ANN401 - any type, any default
    return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=kind)


def _describe(answer: Answer, described: dict[str, str]) -> str:
    """Return the endpoint's docstring with its parameters in place of those that it has."""
    told, _, rest = inspect.cleandoc(answer.__doc__ or "").partition("Args:")
    _, _, returned = rest.partition("Returns:")
    lines = "\n".join(f"    {name}: {sentence}" for name, sentence in described.items())
    return f"{told}Args:\n{lines}\n\nReturns:{returned}"
