"""Says what is wrong with a photo of a face, as an error or as a warning."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.dialogue import check_faces
from pipeline.errors import InputError
from pipeline.image.face import CHIN, FACE_POINTS, HAIRLINE, measure_yaw
from pipeline.image.mouth import MouthFacts, measure_mouth
from pipeline.notices import Field, Notice
from pipeline.request import Framing
from pipeline.types import Face, Pixels

RECOMMENDED_SIDE = 512
MIN_FACE_PIXELS, SMALL_FACE_PIXELS = 48, 110
"""Hairline to chin, in the photo: below the first nothing can be done, below the second the video looks soft."""
TURNED_DEGREES, FAR_TURNED_DEGREES = 22, 40
"""As the mesh measures it. Beyond the second an engine may refuse it."""
TILTED_DEGREES, TOO_TILTED_DEGREES = 25, 50
BLURRED, TOO_BLURRED = 12.0, 1.6
DARK, TOO_DARK = 45.0, 18.0
WASHED_OUT, TOO_WASHED_OUT = 0.25, 0.75
"""Share of the face that is white."""
CUT, TOO_CUT = 0.005, 0.10
"""Share of the mesh's points outside of the photo."""
FLAT_MOUTH = 15.0
"""Where a mouth contrasts with what is around it by less than this, there is none; an opened one has 20 to 90."""
STRANGE_COLOR, FAINT_MOUTH = 35.0, 30.0
"""So far is the colour around a mouth from the skin's only where it is another thing; a clear mouth may be made up."""
RIVAL = 0.25
"""A second face of this share of the largest's area may be the one that was meant."""


@dataclass(frozen=True)
class FaceFacts:
    """What is measured of a face.

    Attributes:
        height_pixels: Hairline to chin.
        yaw_degrees: How far it is turned aside, without sign.
        tilt_degrees: How far it leans to a side, without sign; 180 is upside down.
        sharpness: 1000 x variance of the Laplacian / variance, on a face of one size; 12 and more is sharp.
        brightness: Mean luma, 0 to 255.
        washed_out: Share of it that is white.
        outside: Share of the mesh's points that lie outside of the photo.
        mouth: How clearly there is one.
    """

    height_pixels: float
    yaw_degrees: float
    tilt_degrees: float
    sharpness: float
    brightness: float
    washed_out: float
    outside: float
    mouth: MouthFacts


def measure_face(pixels: Pixels, face: Face) -> FaceFacts:
    """Measure a face in an RGB picture."""
    points = face.landmarks
    upright = points[CHIN, :2] - points[HAIRLINE, :2]
    grey = _cut_face(pixels, face)
    height, width = pixels.shape[:2]
    flat = points[:FACE_POINTS, :2]
    return FaceFacts(
        height_pixels=float(np.linalg.norm(upright)),
        yaw_degrees=measure_yaw(points),
        tilt_degrees=float(abs(np.degrees(np.arctan2(upright[0], upright[1])))),
        sharpness=float(1000 * cv2.Laplacian(grey, cv2.CV_64F).var() / max(float(grey.var()), 1.0)),
        brightness=float(grey.mean()),
        washed_out=float((grey >= 250).mean()),
        outside=float(np.mean(((flat < -0.5) | (flat > (width, height))).any(axis=1))),
        mouth=measure_mouth(pixels, face),
    )


def _cut_face(pixels: Pixels, face: Face) -> Pixels:
    """Return the detector's box in grey at 160 x 200, so that one threshold serves faces of all sizes."""
    height, width = pixels.shape[:2]
    x_min, x_max = (int(np.clip(x, 0, width)) for x in (face.box.x_min, face.box.x_max))
    y_min, y_max = (int(np.clip(y, 0, height)) for y in (face.box.y_min, face.box.y_max))
    part = pixels[y_min : max(y_max, y_min + 1), x_min : max(x_max, x_min + 1)]
    method = cv2.INTER_AREA if part.shape[0] > 200 else cv2.INTER_CUBIC
    grey = cv2.cvtColor(cv2.resize(part, (160, 200), interpolation=method), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, np.uint8)


def choose_faces(faces: tuple[Face, ...], framing: Framing) -> tuple[Face, ...]:
    """Return the faces that talk: those named, or the largest.

    Raises:
        InputError: There is no face, or none of a number.
    """
    if not faces:
        raise InputError("photo.no_face", "image")
    about: Field = "speakers" if framing.faces else "face"
    chosen = framing.faces or (framing.face or 0,)
    for index in chosen:
        if not 0 <= index < len(faces):
            raise InputError(f"{about}.out_of_range", about, index=index, count=len(faces), last=len(faces) - 1)
    check_faces(chosen)
    return tuple(faces[index] for index in chosen)


def check_face(facts: FaceFacts) -> list[Notice]:
    """Return the warnings about a face.

    Raises:
        InputError: No video can be made of it.
    """
    found = (
        _judge("photo.face_too_small", -facts.height_pixels, -SMALL_FACE_PIXELS, -MIN_FACE_PIXELS),
        _judge("photo.face_cut", facts.outside, CUT, TOO_CUT),
        _judge("photo.face_turned", facts.yaw_degrees, TURNED_DEGREES)
        if facts.yaw_degrees <= FAR_TURNED_DEGREES
        else _judge("photo.face_turned_far", facts.yaw_degrees, FAR_TURNED_DEGREES),
        _judge("photo.face_tilted", facts.tilt_degrees, TILTED_DEGREES, TOO_TILTED_DEGREES),
        _judge("photo.blurred", -facts.sharpness, -BLURRED, -TOO_BLURRED),
        _judge("photo.too_dark", -facts.brightness, -DARK, -TOO_DARK),
        _judge("photo.too_bright", facts.washed_out, WASHED_OUT, TOO_WASHED_OUT),
    )
    notices = [notice for notice in found if notice]
    return [*notices, Notice("photo.mouth_covered", "image")] if _is_covered(facts.mouth) else notices


def _is_covered(mouth: MouthFacts) -> bool:
    is_strange = mouth.strangeness > STRANGE_COLOR and mouth.contrast < FAINT_MOUTH
    return is_strange or mouth.contrast < FLAT_MOUTH


def check_model(notices: tuple[Notice, ...], refused: Mapping[str, str]) -> None:
    """Check what one model can do with a face and another cannot.

    Args:
        notices: What was found in the photo.
        refused: Warnings that stop the model, `EngineSpec.refused_notices`.

    Raises:
        InputError: This one cannot.
    """
    for notice in notices:
        if notice.code in refused:
            raise InputError(refused[notice.code], notice.about, **notice.values)


def _judge(code: str, value: float, warn_above: float, refuse_above: float = math.inf) -> Notice | None:
    values = {"value": round(abs(value), 1 if abs(value) < 10 else None)}
    if value > refuse_above:
        raise InputError(f"{code}_error", "image", least=abs(refuse_above), **values)
    return Notice(code, "image", dict(values)) if value > warn_above else None


def check_picture(pixels: Pixels, faces: tuple[Face, ...], *, is_chosen: bool) -> list[Notice]:
    """Return the warnings about the whole photo: its size, and who else is in it where nobody said who talks."""
    height, width = pixels.shape[:2]
    notices = []
    if min(height, width) < RECOMMENDED_SIDE:
        values = {"width": width, "height": height, "recommended": RECOMMENDED_SIDE}
        notices.append(Notice("photo.low_resolution", "image", dict(values)))
    areas = [face.box.width * face.box.height for face in faces]
    if not is_chosen and len(areas) > 1 and areas[1] > RIVAL * areas[0]:
        notices.append(Notice("photo.several_faces", "image", {"count": len(faces)}))
    return notices
