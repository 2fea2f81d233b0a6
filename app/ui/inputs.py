"""Gradio's photo and voice inputs, as they are needed here."""

from typing import Any

import gradio as gr
from gradio.components.image import ImageData
from gradio.data_classes import FileData


class PhotoInput(gr.Image):
    """A picture input that hands on the file as it came; `pipeline.image` judges it and says what to do."""

    is_template = True  # the browser shows its parent

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path of the uploaded file."""
        return payload.path if payload else None


class VoiceInput(gr.Audio):
    """A sound input that hands on the file as it came; `pipeline.audio` judges it and says what to do."""

    is_template = True  # the browser shows its parent

    def preprocess(self, payload: FileData | None) -> str | None:
        """Return the path of the uploaded file."""
        return payload.path if payload else None


class Html(gr.HTML):
    """A piece of our own HTML without Gradio's styles.

    A press on an element with `data-action` is reported as `click`, with all of its `data-` values.
    """

    def __init__(self, value: str = "", **settings: Any) -> None:  # noqa: ANN401 - Gradio's own settings, handed on
        super().__init__(
            value, js_on_load="page.report(element, trigger, 'click')", apply_default_css=False, **settings
        )
