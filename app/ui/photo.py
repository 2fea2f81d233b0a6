"""The photo: what was found in it, and the frame that is cut from it."""

import asyncio
import base64
import io
import time
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from app.errors import AppError
from app.jobs import Jobs
from app.ui import markup
from app.ui.caller import find_caller
from app.ui.inputs import event_of
from app.ui.layout import SHIFT_RANGE, ZOOM_RANGE, PhotoPart
from app.ui.reasons import complain, explain
from app.ui.texts import Texts
from pipeline.engines import PROFILES
from pipeline.errors import InputError
from pipeline.files import open_regular
from pipeline.request import Aspect, Framing
from pipeline.types import Box, Face, FrameSize, Pixels, Portrait

_JPEG_QUALITY = 95
_UNREADABLE = {"photo.cannot_open", "photo.empty", "photo.format", "photo.damaged", "photo.undecodable"}
_Updates = dict[Any, Any]


@dataclass(frozen=True)
class _Asked:
    """The photo and how it is to be framed, in the order of `framing_widgets`."""

    photo: str | None
    profile: str
    aspect: Aspect
    person: int | None
    zoom: float
    shift_x: float
    shift_y: float

    @property
    def framing(self) -> Framing:
        return Framing(self.aspect, self.person, self.zoom, self.shift_x, self.shift_y)


def framing_widgets(part: PhotoPart, profile: gr.Dropdown) -> list[Any]:
    """Return the widgets that say how the photo is framed."""
    return [part.photo, profile, part.aspect, part.person, part.zoom, part.shift_x, part.shift_y]


def bind_photo(view: "PhotoView", profile: gr.Dropdown) -> None:
    """Make the photo's widgets answer."""
    part = view.part
    framing = framing_widgets(part, profile)
    shown = [part.tile, part.faces, part.note]
    quiet: dict[str, Any] = {"api_visibility": "private"}
    private: dict[str, Any] = {**quiet, "show_progress_on": part.tile, "queue": False}
    part.photo.change(
        view.take, [part.photo, profile, part.aspect], view.outputs, trigger_mode="always_last", **private
    )
    # Not with the change: a photo that cannot be read is taken away, and what is said of it stays.
    gone = [part.photo.clear, part.photo.input, event_of(part.heading, "replace")]
    gr.on(gone, None, None, part.note, js="() => ''", **quiet)
    part.heading.complain(None, None, part.note, js=complain("photo", view.texts), **quiet)
    part.photo.select(view.choose, framing, [part.person, *shown], trigger_mode="always_last", **private)
    moved = [widget.input for widget in (part.aspect, part.person, part.zoom, part.shift_x, part.shift_y)]
    # As one event, so that they wait for one another: the last frame on the page is the last one asked for.
    gr.on(
        [*moved, event_of(part.tile, "frame"), profile.change],
        view.reframe,
        framing,
        [*shown, part.zoom, part.shift_x, part.shift_y],
        trigger_mode="always_last",
        **private,
    )


@dataclass(frozen=True)
class PhotoView:
    """Answers to what is done with the photo, in one language."""

    part: PhotoPart
    jobs: Jobs
    texts: Texts

    @property
    def outputs(self) -> list[Any]:
        """All that a new photo changes."""
        part = self.part
        moved = [part.person, part.adjust, part.zoom, part.shift_x, part.shift_y]
        return [part.photo, part.is_found, part.tile, part.faces, part.note, *moved]

    async def take(self, photo: str | None, profile: str, aspect: Aspect) -> _Updates:
        """Look at a new photo, with the frame as it is found."""
        part = self.part
        updates: _Updates = {part.zoom: 1.0, part.shift_x: 0.0, part.shift_y: 0.0}
        if photo is None:
            return updates | self._show_nothing()
        try:
            if await asyncio.to_thread(is_unshowable, Path(photo)):
                return {part.photo: await self._save_as_jpeg(photo)}
            portrait = await self._frame(photo, Framing(aspect), profile)
            if portrait.quarter_turns:
                return {part.photo: await self._save_as_jpeg(photo, portrait.quarter_turns)}
        except (InputError, AppError) as error:
            is_unreadable = isinstance(error, InputError) and error.notice.code in _UNREADABLE
            kept = {part.photo: None} if is_unreadable else {}
            note = markup.note([explain(error, self.texts)], "error")
            return updates | self._show_nothing() | kept | {part.note: note}
        people = [(self.texts("face.person", number=i + 1), i) for i in range(len(portrait.faces))]
        return (
            updates
            | self._show(portrait, Framing(aspect), person=0)
            | {part.is_found: True}
            | {part.person: gr.Radio(people, value=0, visible=len(people) > 1)}
            | {part.adjust: gr.Accordion(visible=True)}
        )

    async def reframe(self, event: gr.EventData, *values: Any) -> _Updates:  # noqa: ANN401 - any widget's
        """Cut the frame anew, as the widgets say or as it was dragged."""
        asked, part = _Asked(*values), self.part
        dragged = read_framing(event)
        if dragged is None:
            return await self._reframe(asked)
        zoom, shift_x, shift_y = dragged
        updates = await self._reframe(replace(asked, zoom=zoom, shift_x=shift_x, shift_y=shift_y))
        return updates | {part.zoom: zoom, part.shift_x: shift_x, part.shift_y: shift_y}

    async def choose(self, event: gr.SelectData, *values: Any) -> _Updates:  # noqa: ANN401 - any widget's
        """Take the face that was tapped."""
        asked = _Asked(*values)
        if asked.photo is None or asked.person is None:
            return self._skip() | {self.part.person: gr.skip()}
        portrait = await self._frame(asked.photo, Framing(asked.aspect), asked.profile)
        nearest = find_nearest(portrait.faces, event.index)
        return await self._reframe(replace(asked, person=nearest)) | {self.part.person: nearest}

    async def _reframe(self, asked: "_Asked") -> _Updates:
        if asked.photo is None:
            return self._skip()
        try:
            portrait = await self._frame(asked.photo, asked.framing, asked.profile)
        except (InputError, AppError) as error:
            return self._skip() | {self.part.note: markup.note([explain(error, self.texts)], "error")}
        return self._show(portrait, asked.framing, asked.person or 0)

    async def _frame(self, photo: str, framing: Framing, profile: str) -> Portrait:
        return await self.jobs.media.frame_photo(Path(photo), framing, PROFILES[profile].resolution, find_caller())

    async def _save_as_jpeg(self, photo: str, quarter_turns: int = 0) -> str:
        """Return the photo upright and as browsers can show it; it comes back as a new photo.

        Pixels would do, but Gradio makes a poorer file of them, slowly, while everyone waits.
        """
        upright = Path(photo).with_suffix(".upright.jpg")  # the same visitor's, and deleted with the photo
        jpeg = await self.jobs.media.convert_photo(Path(photo), quarter_turns, find_caller())
        await asyncio.to_thread(upright.write_bytes, jpeg)
        return str(upright)

    def _show(self, portrait: Portrait, framing: Framing, person: int) -> _Updates:
        part, texts = self.part, self.texts
        height, width = portrait.frame.shape[:2]
        count = len(portrait.faces)
        if count > 1:
            found = texts("photo.found.many", count=count, person=person + 1)
        else:
            found = texts("photo.found.one", width=width, height=height)
        # The sentence about several faces is the page's own here.
        warnings = [texts.notice(notice) for notice in portrait.notices if notice.code != "photo.several_faces"]
        return {
            part.tile: render_tile(portrait.frame, framing, texts),
            part.faces: render_faces(portrait.faces, portrait.photo_size, person, texts) if count > 1 else "",
            part.note: markup.note([found], "ok") + markup.note(warnings, "warn"),
        }

    def _show_nothing(self) -> _Updates:
        part = self.part
        return {
            part.is_found: False,
            part.tile: markup.empty_tile(self.texts),
            part.faces: "",
            part.adjust: gr.Accordion(visible=False),
            part.person: gr.Radio([], value=None, visible=False),
        }

    def _skip(self) -> _Updates:
        return {self.part.tile: gr.skip(), self.part.faces: gr.skip(), self.part.note: gr.skip()}


def is_unshowable(photo: Path) -> bool:
    """Whether browsers show the file otherwise than it is used: HEIC, AVIF and TIFF not at all, a GIF moving.

    Raises:
        InputError: It cannot be opened.
    """
    try:
        file = open_regular(photo)
    except OSError as error:
        raise InputError("photo.cannot_open", "image") from error
    with file:
        start = file.read(8)
    return start[4:] == b"ftyp" or start.startswith((b"II", b"MM\0", b"GIF8"))


def find_nearest(faces: tuple[Face, ...], point: tuple[float, float]) -> int:
    """Return the index of the face whose middle is nearest to a point of the photo."""
    return min(range(len(faces)), key=lambda index: _squared_distance(faces[index].box, point))


def read_framing(event: gr.EventData) -> tuple[float, float, float] | None:
    """Return zoom and shifts that the frame was given by hand, within the sliders' bounds; None for other events."""
    try:
        asked = [(float(event.zoom), ZOOM_RANGE), (float(event.x), SHIFT_RANGE), (float(event.y), SHIFT_RANGE)]
    except (AttributeError, TypeError, ValueError):
        return None
    zoom, x, y = (min(max(value, lowest), highest) for value, (lowest, highest) in asked)
    return zoom, x, y


def render_tile(frame: Pixels, framing: Framing, texts: Texts) -> str:
    """Return the frame exactly as the engine gets it; the script lets it be dragged and zoomed from there."""

    def say(key: str) -> str:
        return escape(texts(f"crop.{key}"))

    data = base64.b64encode(_encode(frame)).decode()
    state = f'data-zoom="{framing.zoom:g}" data-x="{framing.shift_x:g}" data-y="{framing.shift_y:g}"'
    made = f'data-made="{time.monotonic_ns()}"'  # what is dragged further than it goes comes back as it was
    hints = "".join(f'<span class="badge {way}" aria-hidden="true">{say(way)}</span>' for way in ("mouse", "touch"))
    is_moved = (framing.zoom, framing.shift_x, framing.shift_y) != (1, 0, 0)
    reset = f'<button type="button" class="badge" data-reset>{say("reset")}</button>' if is_moved else ""
    return (
        f'<div class="tile" data-state="filled" data-drag="{say("keys")}" {state} {made}>'
        f'<img src="data:image/jpeg;base64,{data}" draggable="false" alt="{say("alt")}">{hints}{reset}</div>'
    )


def render_faces(faces: tuple[Face, ...], photo: FrameSize, chosen: int, texts: Texts) -> str:
    """Return numbered frames that lie over the photo, wherever in its box it is shown."""
    unit = max(photo.width, photo.height) / 100
    radius = unit * 4.5
    # The number stands at the face's upper left, beside it: it would hide a small one.
    places = [(max(face.box.x_min - radius, radius), max(face.box.y_min - radius, radius)) for face in faces]
    marks = "".join(
        f'<g data-chosen="{str(index == chosen).lower()}">'
        f'<rect x="{face.box.x_min:.0f}" y="{face.box.y_min:.0f}" width="{face.box.width:.0f}" '
        f'height="{face.box.height:.0f}" rx="{unit * 2:.0f}" stroke-width="{unit * 0.9:.1f}"/>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}"/>'
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{unit * 6:.0f}">{index + 1}</text></g>'
        for index, (face, (x, y)) in enumerate(zip(faces, places, strict=True))
    )
    label = escape(texts("photo.found.many", count=len(faces), person=chosen + 1))
    return f'<svg viewBox="0 0 {photo.width} {photo.height}" role="img" aria-label="{label}">{marks}</svg>'


def _encode(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _squared_distance(box: Box, point: tuple[float, float]) -> float:
    x, y = (box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2
    return (x - point[0]) ** 2 + (y - point[1]) ** 2
