"""Which part of the photo becomes the frame: head and shoulders, wherever in the photo they are."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.errors import InputError
from pipeline.image.face import CHIN, FACE_POINTS, HAIRLINE, LOWER_LIP, UPPER_LIP
from pipeline.request import Framing
from pipeline.types import Box, Face, FrameSize, Pixels

FACE_CENTER_AT = 0.45
"""Height in the frame of the middle between forehead and chin."""
HEADS_HIGH = 2.6
SHOULDERS_WIDE = 2.4
"""A talking head's frame in heights of its face, from the hairline to the chin."""
MAX_ENLARGEMENT = 1.6
"""The automatic crop enlarges no further than this, so that a small face stays small rather than blurred."""
CROWN, BELOW_CHIN = 0.35, 0.12
"""Hair above the hairline and space below the chin that stay in, in heights of the face."""


@dataclass(frozen=True)
class Head:
    """Where the head is, in the photo's pixels."""

    center_x: float
    center_y: float
    face_height: float
    face_width: float
    top: float
    bottom: float


def crop_around(face: Face, photo: FrameSize, frame: FrameSize, framing: Framing) -> Box:
    """Return the crop, of the frame's shape and inside the photo.

    Args:
        face: The face that talks, in the photo's pixels.
        photo: Size of the photo.
        frame: Size of the video.
        framing: What the person asks to change; is brought within what shows the whole face.

    Raises:
        InputError: Zoom or shift are not numbers that make sense.
    """
    check_framing(framing)
    head = measure_head(face)
    aspect = frame.width / frame.height
    largest = min(photo.height, photo.width / aspect)
    height = _automatic_height(head, frame, aspect, largest) / framing.zoom
    smallest = min(largest, 1.15 * max(head.face_height, head.face_width / aspect))
    height = min(max(height, smallest), largest)
    width = height * aspect
    left = place_span(head.center_x - width / 2, framing.shift_x * width, width, side_span(head), photo.width)
    top = place_span(_automatic_top(head, height), framing.shift_y * height, height, upright_span(head), photo.height)
    return Box(left, top, left + width, top + height)


def cut_frame(pixels: Pixels, crop: Box, frame: FrameSize) -> Pixels:
    """Resample the crop of an RGB picture to the frame's size by Lanczos, over a wider reach where it shrinks."""
    # Only the crop and the filter's reach around it are handed to Pillow: a large photo is not copied.
    reach = 4 * max(1.0, crop.height / frame.height)
    x_min, y_min = max(math.floor(crop.x_min - reach), 0), max(math.floor(crop.y_min - reach), 0)
    part = pixels[y_min : math.ceil(crop.y_max + reach), x_min : math.ceil(crop.x_max + reach)]
    height, width = part.shape[:2]
    box = (
        max(crop.x_min - x_min, 0),
        max(crop.y_min - y_min, 0),
        min(crop.x_max - x_min, width),
        min(crop.y_max - y_min, height),
    )
    picture = Image.fromarray(np.ascontiguousarray(part))
    return np.asarray(picture.resize((frame.width, frame.height), Image.Resampling.LANCZOS, box=box))


def move_face(face: Face, crop: Box, frame: FrameSize) -> Face:
    """Express a face of the photo in pixels of the frame."""
    scale = frame.width / crop.width
    # Pixel centres lie at half pixels: the crop maps edges to edges.
    points = face.landmarks.copy()
    points[:, 0] = (points[:, 0] + 0.5 - crop.x_min) * scale - 0.5
    points[:, 1] = (points[:, 1] + 0.5 - crop.y_min) * scale - 0.5
    points[:, 2] *= scale
    box = Box(
        (face.box.x_min - crop.x_min) * scale,
        (face.box.y_min - crop.y_min) * scale,
        (face.box.x_max - crop.x_min) * scale,
        (face.box.y_max - crop.y_min) * scale,
    )
    return Face(box, face.score, points)


def shows_mouth(face: Face, frame: FrameSize) -> bool:
    """Whether the mouth of a face, in pixels of the frame, lies in it."""
    x, y = face.landmarks[[UPPER_LIP, LOWER_LIP], :2].mean(axis=0)
    return bool(0 <= x < frame.width and 0 <= y < frame.height)


def check_framing(framing: Framing) -> None:
    """Refuse a crop that is none.

    Raises:
        InputError: Zoom or shift are not numbers that make sense.
    """
    if not (math.isfinite(framing.zoom) and framing.zoom > 0):
        raise InputError("crop.zoom", "crop", zoom=str(framing.zoom))
    if not (math.isfinite(framing.shift_x) and math.isfinite(framing.shift_y)):
        raise InputError("crop.shift", "crop")


def measure_head(face: Face) -> Head:
    """Find where the head of a face is."""
    points = face.landmarks[:FACE_POINTS, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (face.landmarks[HAIRLINE, :2] + face.landmarks[CHIN, :2]) / 2
    face_height = float(np.linalg.norm(face.landmarks[CHIN, :2] - face.landmarks[HAIRLINE, :2]))
    return Head(
        center_x=float(low[0] + high[0]) / 2,
        center_y=float(middle[1]),
        face_height=face_height,
        face_width=float(high[0] - low[0]),
        top=float(low[1]) - CROWN * face_height,
        bottom=float(high[1]) + BELOW_CHIN * face_height,
    )


def _automatic_height(head: Head, frame: FrameSize, aspect: float, largest: float) -> float:
    talking_head = max(HEADS_HIGH * head.face_height, SHOULDERS_WIDE * head.face_height / aspect)
    return min(largest, max(talking_head, frame.height / MAX_ENLARGEMENT))


def _automatic_top(head: Head, height: float) -> float:
    """Put the face at its height; where the crown or the chin would be cut, give way, to the chin above all."""
    top = head.center_y - FACE_CENTER_AT * height
    return max(min(top, head.top), head.bottom - height)


def side_span(head: Head) -> tuple[float, float]:
    """Return from where to where the whole face goes, from left to right."""
    return head.center_x - 0.55 * head.face_width, head.center_x + 0.55 * head.face_width


def upright_span(head: Head) -> tuple[float, float]:
    """Return from where to where it goes, from top to bottom."""
    return head.top + CROWN * head.face_height, head.bottom


def place_span(start: float, shift: float, length: float, kept: tuple[float, float], end: int) -> float:
    """Shift a span, but keep the face in it, and keep it inside the photo."""
    earliest, latest = kept[1] - length, kept[0]
    if shift:
        start = min(max(start + shift, min(earliest, latest)), max(earliest, latest))
    return min(max(start, 0.0), end - length)
