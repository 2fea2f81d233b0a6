"""The photo: what was found in it, and the frame that is cut from it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from app.errors import AppError
from app.jobs import Jobs
from app.ui import markup, people
from app.ui.caller import find_caller
from app.ui.frame import render_faces, render_tile
from app.ui.inputs import event_of
from app.ui.layout import NOBODY, SHIFT_RANGE, ZOOM_RANGE, PhotoPart
from app.ui.reasons import complain, explain
from app.ui.texts import Texts
from pipeline.engines import PROFILES
from pipeline.errors import InputError
from pipeline.files import open_regular
from pipeline.request import Aspect, Framing
from pipeline.types import Box, Face, Portrait

_UNREADABLE = {"photo.cannot_open", "photo.empty", "photo.format", "photo.damaged", "photo.undecodable"}
_LARGEST = people.write_speakers([0])
_Updates = dict[Any, Any]


@dataclass(frozen=True)
class _Asked:
    """The photo and how it is to be framed, in the order of `framing_widgets`."""

    photo: str | None
    profile: str
    aspect: Aspect
    kept_speakers: str
    zoom: float
    shift_x: float
    shift_y: float

    @property
    def speakers(self) -> tuple[int, ...]:
        """The faces that speak; the largest, where none was chosen."""
        return people.read_speakers(self.kept_speakers) or (0,)

    @property
    def framing(self) -> Framing:
        return frame_speakers(Framing(self.aspect, None, self.zoom, self.shift_x, self.shift_y), self.speakers)


def framing_widgets(part: PhotoPart, profile: gr.Dropdown) -> list[Any]:
    """Return the widgets that say how the photo is framed."""
    return [part.photo, profile, part.aspect, part.speakers, part.zoom, part.shift_x, part.shift_y]


def bind_photo(view: "PhotoView", profile: gr.Dropdown) -> None:
    """Make the photo's widgets answer."""
    part = view.part
    framing = framing_widgets(part, profile)
    shown = [part.tile, part.faces, part.note, part.people, part.speakers]
    quiet: dict[str, Any] = {"api_visibility": "private"}
    private: dict[str, Any] = {**quiet, "show_progress_on": part.tile, "queue": False}
    part.photo.change(
        view.take, [part.photo, profile, part.aspect, part.wanted], view.outputs, trigger_mode="always_last", **private
    )
    # Not with the change: a photo that cannot be read is taken away, and what is said of it stays.
    gone = [part.photo.clear, part.photo.input, event_of(part.heading, "replace")]
    gr.on(gone, None, None, part.note, js="() => ''", **quiet)
    part.heading.complain(None, None, part.note, js=complain("photo", view.texts), **quiet)
    spoken = [part.photo.select, event_of(part.people, "speak")]
    gr.on(spoken, view.choose, framing, shown, trigger_mode="always_last", **private)
    moved = [widget.input for widget in (part.aspect, part.zoom, part.shift_x, part.shift_y)]
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
        moved = [part.speakers, part.wanted, part.adjust, part.zoom, part.shift_x, part.shift_y]
        return [part.photo, part.is_found, part.tile, part.faces, part.note, part.people, *moved]

    async def take(self, photo: str | None, profile: str, aspect: Aspect, wanted: str) -> _Updates:
        """Look at a new photo, with the frame as it is found.

        Args:
            photo: The file.
            profile: Of the video.
            aspect: Of its frame.
            wanted: The faces that are to speak, if there are so many; else it is the largest.
        """
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
        asked = _Asked(photo, profile, aspect, NOBODY, 1, 0, 0)
        shown = await self._restore(replace(asked, kept_speakers=wanted)) if len(portrait.faces) > 1 else {}
        shown = shown or self._show(portrait, asked) | {part.speakers: people.write_speakers(asked.speakers)}
        return updates | shown | {part.is_found: True, part.wanted: NOBODY, part.adjust: gr.Accordion(visible=True)}

    async def _restore(self, asked: "_Asked") -> _Updates:
        """Show those who spoke before; nothing where this photo does not have them."""
        with suppress(InputError):
            portrait = await self._frame(str(asked.photo), asked.framing, asked.profile)
            return self._show(portrait, asked) | {self.part.speakers: people.write_speakers(asked.speakers)}
        return {}

    async def reframe(self, event: gr.EventData, *values: Any) -> _Updates:  # noqa: ANN401 - any widget's
        """Cut the frame anew, as the widgets say or as it was dragged."""
        asked, part = _Asked(*values), self.part
        dragged = read_framing(event)
        if dragged is None:
            return await self._reframe(asked)
        zoom, shift_x, shift_y = dragged
        updates = await self._reframe(replace(asked, zoom=zoom, shift_x=shift_x, shift_y=shift_y))
        return updates | {part.zoom: zoom, part.shift_x: shift_x, part.shift_y: shift_y}

    async def choose(self, event: gr.EventData, *values: Any) -> _Updates:  # noqa: ANN401 - any widget's
        """Let the face speak that was pressed or tapped in the photo, or be silent if it did.

        Where the frame cannot show all of them, it is said, and they are those that they were.
        """
        asked = _Asked(*values)
        if asked.photo is None:
            return self._skip()
        try:
            speakers = people.toggle(asked.speakers, await self._find_face(event, asked))
            chosen = replace(asked, kept_speakers=people.write_speakers(speakers))
            portrait = await self._frame(asked.photo, chosen.framing, asked.profile)
        except (InputError, AppError) as error:
            return self._say(error)
        return self._show(portrait, chosen) | {self.part.speakers: chosen.kept_speakers}

    async def _find_face(self, event: gr.EventData, asked: "_Asked") -> int:
        with suppress(AttributeError):  # the photo was tapped
            return int(event.face)
        portrait = await self._frame(str(asked.photo), Framing(asked.aspect), asked.profile)
        return find_nearest(portrait.faces, event.index)

    async def _reframe(self, asked: "_Asked") -> _Updates:
        if asked.photo is None:
            return self._skip()
        try:
            portrait = await self._frame(asked.photo, asked.framing, asked.profile)
        except (InputError, AppError) as error:
            if isinstance(error, InputError) and error.notice.code.endswith("out_of_range"):  # of another photo
                return await self._reframe(replace(asked, kept_speakers=NOBODY)) | {self.part.speakers: _LARGEST}
            return self._say(error)
        return self._show(portrait, asked) | {self.part.speakers: gr.skip()}

    def _say(self, error: InputError | AppError) -> _Updates:
        return self._skip() | {self.part.note: markup.note([explain(error, self.texts)], "error")}

    async def _frame(self, photo: str, framing: Framing, profile: str) -> Portrait:
        return await self.jobs.media.frame_photo(Path(photo), framing, PROFILES[profile].resolution, find_caller().turn)

    async def _save_as_jpeg(self, photo: str, quarter_turns: int = 0) -> str:
        """Return the photo upright and as browsers can show it; it comes back as a new photo.

        Pixels would do, but Gradio makes a poorer file of them, slowly, while everyone waits.
        """
        upright = Path(photo).with_suffix(".upright.jpg")  # the same visitor's, and deleted with the photo
        jpeg = await self.jobs.media.convert_photo(Path(photo), quarter_turns, find_caller().turn)
        await asyncio.to_thread(upright.write_bytes, jpeg)
        return str(upright)

    def _show(self, portrait: Portrait, asked: "_Asked") -> _Updates:
        part, texts = self.part, self.texts
        height, width = portrait.frame.shape[:2]
        # Of several faces it is said where they are shown.
        found = [] if len(portrait.faces) > 1 else [texts("photo.found.one", width=width, height=height)]
        # The sentence about several faces is the page's own here.
        warnings = [texts.notice(notice) for notice in portrait.notices if notice.code != "photo.several_faces"]
        return {
            part.tile: render_tile(portrait, asked.framing, texts, asked.speakers),
            part.note: markup.note(found, "ok") + markup.note(warnings, "warn"),
        } | self._show_people(portrait, asked)

    def _show_people(self, portrait: Portrait, asked: "_Asked") -> _Updates:
        part, faces, size = self.part, portrait.faces, portrait.photo_size
        if len(faces) < 2 or asked.photo is None:
            return {part.faces: "", part.people: ""}
        return {
            part.faces: render_faces(faces, size, asked.speakers, self.texts),
            part.people: people.render(faces, size, asked.speakers, asked.photo, self.texts),
        }

    def _show_nothing(self) -> _Updates:
        part = self.part
        return {
            part.is_found: False,
            part.tile: markup.empty_tile(self.texts),
            part.faces: "",
            part.people: "",
            part.adjust: gr.Accordion(visible=False),
            part.speakers: NOBODY,
        }

    def _skip(self) -> _Updates:
        part = self.part
        return dict.fromkeys((part.tile, part.faces, part.note, part.people, part.speakers), gr.skip())


def frame_speakers(framing: Framing, speakers: tuple[int, ...]) -> Framing:
    """Return the framing that holds the faces which speak."""
    return replace(framing, face=speakers[0]) if len(speakers) == 1 else replace(framing, faces=speakers)


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


def _squared_distance(box: Box, point: tuple[float, float]) -> float:
    x, y = (box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2
    return (x - point[0]) ** 2 + (y - point[1]) ** 2
