"""Gradio's photo and voice inputs and our own HTML, as they are needed here.

These are functions, not classes: for each class derived from a component Gradio writes a file beside its source.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


def create_photo_input(**settings: Any) -> gr.Image:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a picture input that hands on the file as it came; `pipeline.image` judges it and says what to do."""
    photo = gr.Image(type="filepath", image_mode=None, **settings)
    # Gradio's own raises what no one understands.
    photo.preprocess = _get_path  # type: ignore[method-assign, assignment] # there is no setting for it
    return photo


def create_voice_input(**settings: Any) -> gr.Audio:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a sound input that hands on the file as it came; `pipeline.audio` judges it and says what to do."""
    voice = gr.Audio(type="filepath", **settings)
    voice.preprocess = _get_path  # type: ignore[method-assign] # there is no setting for it
    return voice


def create_html(value: str = "", *, elem_id: str | None = None, actions: Sequence[str] = ()) -> gr.HTML:
    """Return a piece of our own HTML without Gradio's styles.

    A press on an element whose `data-action` is one of the actions becomes an event of that name, with all of the
    element's `data-` values.
    """
    names = ", ".join(f"'{action}'" for action in actions)
    script = f"page.report(element, trigger, [{names}])" if actions else None
    return gr.HTML(value, elem_id=elem_id, js_on_load=script, apply_default_css=False)


def _get_path(payload: FileData | None) -> str | None:
    return payload.path if payload else None
