"""Gradio's inputs and outputs of files and our own HTML, as they are needed here.

These are functions, not classes: for each class derived from a component Gradio writes a file beside its source.
"""

from abc import ABCMeta
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import gradio as gr
from gradio.data_classes import FileData
from gradio.events import EventListener

_Widget = TypeVar("_Widget", gr.Image, gr.Audio, gr.Video, gr.UploadButton, gr.Slider, gr.Checkbox)


def create_photo_input(**settings: Any) -> gr.Image:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a picture input that hands on the file as it came; `pipeline.image` judges it and says what to do."""
    return _Photo(type="filepath", image_mode=None, **settings)


def create_voice_input(**settings: Any) -> gr.Audio:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a sound input that hands on the file as it came; `pipeline.audio` judges it and says what to do."""
    return _Voice(type="filepath", **settings)


def create_file_button(text: str, **settings: Any) -> gr.UploadButton:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return a button that takes a file and hands it on as it came; Gradio's own leaves an empty file at each press."""
    return _FileButton(text, **settings)


def create_video_output(**settings: Any) -> gr.Video:  # noqa: ANN401 - Gradio's own settings, handed on
    """Return an output that hands on the name of a video; Gradio's own would keep a copy of it."""
    return _VideoName(**settings)


def create_slider(lowest: float, highest: float, **settings: Any) -> gr.Slider:  # noqa: ANN401 - as above
    """Return a slider whose value is brought within its bounds.

    They follow the voice, and the value may be from before, or of a job that did not come from this page; Gradio's own
    slider fails whatever is pressed next then.
    """
    return _Slider(minimum=lowest, maximum=highest, **settings)


def create_box(value: bool = False, **settings: Any) -> gr.Checkbox:  # noqa: ANN401 - as above
    """Return a box whose value is true or false; Gradio's own hands on any word, and most of them are truthy."""
    return _Box(value, **settings)


def create_switch(**settings: Any) -> gr.Checkbox:  # noqa: ANN401 - as above
    """Return a box whose value is `on` or `off`."""
    return _Switch(**settings)


def create_html(
    value: str = "",
    *,
    elem_id: str | None = None,
    actions: Sequence[str] = (),
    script: str | None = None,
    visible: bool = True,
) -> gr.HTML:
    """Return a piece of our own HTML without Gradio's styles.

    Args:
        value: What is in it.
        elem_id: Its id.
        actions: A press on an element whose `data-action` is one of these becomes an event of that name, with all of
            the element's `data-` values.
        script: What to run instead, with the `element` and what makes an event, `trigger`.
        visible: Whether it is there from the beginning; the script runs when it comes.
    """
    names = ", ".join(f"'{action}'" for action in actions)
    report = f"page.report(element, trigger, [{names}])" if actions else None
    return gr.HTML(value, elem_id=elem_id, js_on_load=script or report, apply_default_css=False, visible=visible)


def event_of(html: gr.HTML, name: str) -> Any:  # noqa: ANN401 - as `gr.on` takes it
    """Return an event of our own HTML for `gr.on`, which knows Gradio's own events only."""
    return SimpleNamespace(**vars(EventListener(name)), __self__=html)


def _get_path(_: _Widget, payload: FileData | None) -> str | None:
    return payload.path if payload else None


def _name_file(_: _Widget, path: str | None) -> FileData | None:
    return FileData(path=path) if path else None


def _bring_within(slider: gr.Slider, value: float | None) -> float:
    return min(max(slider.minimum if value is None else value, slider.minimum), slider.maximum)


def _read_box(box: gr.Checkbox, payload: object) -> bool | None:
    if payload is None or isinstance(payload, bool):
        return payload
    raise gr.Error(f"Expected true or false for '{box.label}', got something else.", print_exception=False)


def _name_switch(switch: gr.Checkbox, payload: object) -> str:
    return "on" if _read_box(switch, payload) else "off"


def _is_on(_: _Widget, value: str | None) -> bool:
    return value == "on"


def _derive(kind: type[_Widget], **methods: Callable[..., Any]) -> type[_Widget]:
    """Return a class of widgets that differs in a method.

    Gradio's own read files, and raise what no one understands. The class is made past Gradio's metaclass, for the
    reason above. A method of one widget would not do: with each update Gradio makes a new one.
    """
    return ABCMeta.__new__(type(kind), kind.__name__, (kind,), {**methods, "__module__": kind.__module__})


_Photo, _Voice = _derive(gr.Image, preprocess=_get_path), _derive(gr.Audio, preprocess=_get_path)
_FileButton, _VideoName = _derive(gr.UploadButton, preprocess=_get_path), _derive(gr.Video, postprocess=_name_file)
_Box = _derive(gr.Checkbox, preprocess=_read_box)
_Switch = _derive(gr.Checkbox, preprocess=_name_switch, postprocess=_is_on)
_Slider = _derive(gr.Slider, preprocess=_bring_within, postprocess=_bring_within)
