"""The page's widgets for what may be asked for, made from the request's fields.

A field has a widget here if the texts have a label for it, `option.<name>`; the photo's frame, the voice's length
and the profile have places of their own on the page.
"""

from typing import Any

import gradio as gr
from gradio.components import Component

from app.ui.inputs import create_box, create_slider, create_switch
from app.ui.texts import Texts
from pipeline.profiles import Profile, Sampling
from pipeline.request import Field, VideoRequest, flatten

SAMPLING = tuple(Sampling.__dataclass_fields__)
"""The options that stand in place of the profile's own numbers."""
_WIDTH = 130


def list_shown(texts: Texts) -> list[Field]:
    """Return the fields that have a widget of their own."""
    return [field for field in flatten(VideoRequest) if _label(field) in texts.table]


def build_options(texts: Texts) -> tuple[dict[str, Component], gr.Checkbox, gr.Column]:
    """Make the widgets inside of what they are to be in.

    Returns:
        The widgets by the fields' names, whether a seed is drawn, and what is of no use to a preview.
    """
    shown = [field for field in list_shown(texts) if not _is_switch(field)]
    with gr.Column(visible=False) as of_models:
        widgets = {field.name: _build(field, texts) for field in shown if field.kind is str and not field.choices}
        with gr.Row(elem_classes="sliders"):
            for field in shown:
                if field.name not in {*widgets, *SAMPLING}:
                    widgets[field.name] = _build(field, texts)
            is_random = create_box(value=True, label=texts("advanced.random"), elem_id="random-seed", min_width=_WIDTH)
        with gr.Row(elem_classes="sliders"):
            widgets |= {field.name: _build(field, texts) for field in shown if field.name in SAMPLING}
    widgets |= {field.name: _build(field, texts) for field in list_shown(texts) if _is_switch(field)}
    return widgets, is_random, of_models


def read_options(values: dict[str, Any], profile: Profile, *, is_chosen: bool) -> dict[str, Any]:
    """Return what was asked for with the widgets.

    What the profile says anyway is not asked for: from such runs it is learned how long they take.

    Args:
        values: Of the widgets, by name.
        profile: Of the video.
        is_chosen: Whether the widgets show this profile's numbers.
    """
    asked: dict[str, Any] = {}
    for field in flatten(VideoRequest):
        value = values.get(field.name)
        if value is None:
            continue
        if field.name in SAMPLING and (
            not is_chosen or not profile.sampling.num_inference_steps or value == getattr(profile.sampling, field.name)
        ):
            continue
        asked[field.name] = field.kind(value) if field.kind in {int, float} else value
    return asked


def _label(field: Field) -> str:
    return f"option.{field.name}"


def _is_switch(field: Field) -> bool:
    return set(field.choices or ()) == {"on", "off"}


def _build(field: Field, texts: Texts) -> Component:
    label, option, elem_id = texts(_label(field)), field.option, field.name.replace("_", "-")
    if _is_switch(field):
        return create_switch(value=field.default, label=label, elem_id=elem_id, min_width=_WIDTH)
    if field.choices:
        choices = [(texts.table.get(f"{_label(field)}.{choice}", choice), choice) for choice in field.choices]
        return gr.Dropdown(choices, value=field.default, label=label, elem_id=elem_id, min_width=_WIDTH)
    if field.kind is bool:
        return create_box(field.default, label=label, elem_id=elem_id, min_width=_WIDTH)
    if field.kind is str:
        placeholder = texts.table.get(f"{_label(field)}.placeholder")
        return gr.Textbox(
            field.default, label=label, placeholder=placeholder, lines=2, max_length=option.max_length, elem_id=elem_id
        )
    if field.name in SAMPLING:
        return create_slider(
            *option.limits, label=label, step=option.step, buttons=[], min_width=_WIDTH, elem_id=elem_id
        )
    return gr.Number(
        field.default, label=label, precision=0 if field.kind is int else None, min_width=_WIDTH, elem_id=elem_id
    )
