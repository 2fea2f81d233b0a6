"""Gradio's photo and voice inputs and our own HTML, as they are needed here.

These are functions, not classes: for each class derived from a component Gradio writes a file beside its source.
"""

from abc import ABCMeta
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.data_classes import FileData

_Input = TypeVar("_Input", gr.Image, gr.Audio)


def create_photo_input(**settings: Any) -> gr.Image:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a picture input that hands on the file as it came; `pipeline.image` judges it and says what to do."""
    return _Photo(type="filepath", image_mode=None, **settings)


def create_voice_input(**settings: Any) -> gr.Audio:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a sound input that hands on the file as it came; `pipeline.audio` judges it and says what to do."""
    return _Voice(type="filepath", **settings)


def create_html(value: str = "", *, elem_id: str | None = None, actions: Sequence[str] = ()) -> gr.HTML:
    """Return a piece of our own HTML without Gradio's styles.

    A press on an element whose `data-action` is one of the actions becomes an event of that name, with all of the
    element's `data-` values.
    """
    names = ", ".join(f"'{action}'" for action in actions)
    script = f"page.report(element, trigger, [{names}])" if actions else None
    return gr.HTML(value, elem_id=elem_id, js_on_load=script, apply_default_css=False)


def find_upload(folder: Path, kept: str) -> str | None:
    """Return a file that a browser has uploaded before, if it is still there.

    Args:
        folder: Where Gradio keeps uploads; nothing outside of it is handed out.
        kept: The path that the browser has kept.
    """
    if "\0" in kept:
        return None
    path = Path(kept).resolve()
    return str(path) if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _get_path(_: gr.Image | gr.Audio, payload: FileData | None) -> str | None:
    return payload.path if payload else None


def _leave_files_alone(kind: type[_Input]) -> type[_Input]:
    """Return a class of inputs that hand on the file as it came, where Gradio's own raise what no one understands.

    It is made past Gradio's metaclass, for the reason above. A method of one input would not do: with each update
    Gradio makes a new one.
    """
    own = {"preprocess": _get_path, "__module__": kind.__module__}
    return ABCMeta.__new__(type(kind), kind.__name__, (kind,), own)


_Photo, _Voice = _leave_files_alone(gr.Image), _leave_files_alone(gr.Audio)
