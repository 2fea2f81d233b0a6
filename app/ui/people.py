"""Who speaks: the faces of a photo, each of which may have a voice."""

import json
from collections.abc import Sequence
from contextlib import suppress
from html import escape
from urllib.parse import quote

from app.ui.assets import PEOPLE_STYLE
from app.ui.texts import Texts
from pipeline.scene import MAX_SPEAKERS
from pipeline.types import Face, FrameSize

_AROUND = 1.5
"""How much more than the face its picture shows."""


def read_speakers(kept: str) -> tuple[int, ...]:
    """Return the faces that speak, as the browser has kept them; none where that cannot be read."""
    with suppress(ValueError, TypeError, RecursionError):
        faces = json.loads(kept)
        if all(isinstance(face, int) and face >= 0 for face in faces):
            return tuple(dict.fromkeys(faces))[:MAX_SPEAKERS]
    return ()


def write_speakers(speakers: Sequence[int]) -> str:
    """Return the faces that speak, as the browser keeps them."""
    return json.dumps(list(speakers))


def toggle(speakers: tuple[int, ...], face: int) -> tuple[int, ...]:
    """Let a face speak too, or be silent. Somebody always speaks, and never more than four.

    Args:
        speakers: The faces that speak, in order.
        face: The one that was pressed.
    """
    if face not in speakers:
        return (*speakers, face)[:MAX_SPEAKERS]
    return tuple(other for other in speakers if other != face) or speakers


def render(faces: tuple[Face, ...], size: FrameSize, speakers: tuple[int, ...], photo: str, texts: Texts) -> str:
    """Return a button for each face, from left to right as in the photo; with it comes what styles a dialogue.

    Args:
        faces: In pixels of the photo.
        size: Of the photo.
        speakers: The faces that speak.
        photo: The visitor's file.
        texts: In the page's language.
    """
    ordered = sorted(range(len(faces)), key=lambda index: faces[index].box.x_min)
    buttons = "".join(
        f'<button type="button" data-action="speak" data-face="{face}" aria-pressed="{str(face in speakers).lower()}">'
        f"{picture(face)}<span>{escape(name(face, texts))}</span></button>"
        for face in ordered
    )
    cuts = "".join(f'.face[data-face="{index}"]{{{_cut(face, size)}}}' for index, face in enumerate(faces))
    found = texts("photo.found.many", count=len(faces))
    image = f'.face{{background-image:url("gradio_api/file={quote(photo)}")}}'
    return (
        f"<style>{PEOPLE_STYLE}{image}{cuts}</style>"
        '<div class="who" role="group" aria-labelledby="who">'
        f'<p id="who" class="note" data-kind="ok">{escape(found)}</p><div>{buttons}</div></div>'
    )


def picture(face: int) -> str:
    """Return the small picture of a face."""
    return f'<i class="face" data-face="{face}"></i>'


def name(face: int, texts: Texts) -> str:
    """Return what a face is called: its number is that of the photo and of the sentences about it."""
    return texts("people.person", number=face + 1)


def _cut(face: Face, size: FrameSize) -> str:
    """Return the style that shows the square around a face."""
    box = face.box
    side = min(max(box.width, box.height) * _AROUND, size.width, size.height)
    left, room_x = (box.x_min + box.x_max - side) / 2, size.width - side
    top, room_y = (box.y_min + box.y_max - side) / 2, size.height - side
    place = f"{_share(left, room_x)} {_share(top, room_y)}"
    return f"background-size:{100 * size.width / side:.1f}%;background-position:{place}"


def _share(place: float, room: float) -> str:
    return f"{100 * min(max(place / room, 0), 1) if room else 50:.1f}%"
