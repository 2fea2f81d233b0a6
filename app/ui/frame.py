"""The photo's faces and the frame that is cut from it, as pictures with numbers."""

import base64
import io
import time
from html import escape

from PIL import Image

from app.ui.texts import Texts
from pipeline.request import Framing
from pipeline.types import Box, Face, FrameSize, Pixels, Portrait

_JPEG_QUALITY = 95


def render_tile(portrait: Portrait, framing: Framing, texts: Texts, speakers: tuple[int, ...]) -> str:
    """Return the frame exactly as the engine gets it; the script lets it be dragged and zoomed from there.

    Args:
        portrait: Has the frame.
        framing: How it was cut.
        texts: In the page's language.
        speakers: The faces that speak; several have their numbers in the frame.
    """

    def say(key: str) -> str:
        return escape(texts(f"crop.{key}"))

    data = base64.b64encode(_encode(portrait.frame)).decode()
    state = f'data-zoom="{framing.zoom:g}" data-x="{framing.shift_x:g}" data-y="{framing.shift_y:g}"'
    made = f'data-made="{time.monotonic_ns()}"'  # what is dragged further than it goes comes back as it was
    hints = "".join(f'<span class="badge {way}" aria-hidden="true">{say(way)}</span>' for way in ("mouse", "touch"))
    is_moved = (framing.zoom, framing.shift_x, framing.shift_y) != (1, 0, 0)
    numbers = _number_speakers(portrait, speakers) if len(speakers) > 1 else ""
    reset = f'<button type="button" class="badge" data-reset>{say("reset")}</button>' if is_moved else ""
    return (
        f'<div class="tile" data-state="filled" data-drag="{say("keys")}" {state} {made}>'
        f'<img src="data:image/jpeg;base64,{data}" draggable="false" alt="{say("alt")}">{numbers}{hints}{reset}</div>'
    )


def render_faces(faces: tuple[Face, ...], photo: FrameSize, speakers: tuple[int, ...], texts: Texts) -> str:
    """Return numbered frames that lie over the photo, wherever in its box it is shown."""
    marks = "".join(
        f'<g data-chosen="{str(index in speakers).lower()}">{_mark(face.box, index + 1, photo)}</g>'
        for index, face in enumerate(faces)
    )
    label = escape(texts("photo.found.many", count=len(faces)))
    return (
        f'<svg class="marks" viewBox="0 0 {photo.width} {photo.height}" role="img" aria-label="{label}">{marks}</svg>'
    )


def _number_speakers(portrait: Portrait, speakers: tuple[int, ...]) -> str:
    height, width = portrait.frame.shape[:2]
    found = zip(portrait.speakers, speakers, strict=True)
    marks = "".join(_mark(face.box, index + 1, FrameSize(width, height)) for face, index in found)
    return (
        f'<svg class="marks" viewBox="0 0 {width} {height}" aria-hidden="true"><g data-chosen="true">{marks}</g></svg>'
    )


def _mark(box: Box, number: int, picture: FrameSize) -> str:
    """Return a frame around a face. The number stands at its upper left, beside it: it would hide a small one."""
    unit = max(picture.width, picture.height) / 100
    radius = unit * 4.5
    x, y = (max(edge - radius, radius) for edge in (box.x_min, box.y_min))
    return (
        f'<rect x="{box.x_min:.0f}" y="{box.y_min:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" '
        f'rx="{unit * 2:.0f}" stroke-width="{unit * 0.9:.1f}"/><circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.0f}"/>'
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{unit * 6:.0f}">{number}</text>'
    )


def _encode(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()
