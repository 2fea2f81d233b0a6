"""From a picture to a checked portrait, in one step."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.image.check import check_face, check_picture, choose_face, measure_face
from pipeline.image.crop import crop_around, cut_frame, move_face
from pipeline.image.face import FaceFinder
from pipeline.image.load import load_photo
from pipeline.image.resize import choose_size
from pipeline.image.upright import UprightPhoto, find_upright
from pipeline.notices import Notice
from pipeline.profiles import Resolution
from pipeline.request import Framing
from pipeline.types import Face, FrameSize, Portrait


def prepare_portrait(path: Path, framing: Framing, resolution: Resolution) -> Portrait:
    """Read, check and crop a photo.

    Args:
        path: The uploaded picture.
        framing: Which face talks, and what part of the photo to show.
        resolution: Of the video.

    Returns:
        The frame exactly as the engine gets it, with the faces found and the warnings.

    Raises:
        InputError: The picture cannot be used; the notice says why.
    """
    upright = find_upright(FaceFinder(), load_photo(path).pixels)
    face = choose_face(upright.faces, framing.face)
    notices = tuple(_check(upright, face, framing))
    photo = FrameSize(upright.pixels.shape[1], upright.pixels.shape[0])
    size = choose_size(photo.width, photo.height, framing.aspect, resolution)
    crop = crop_around(face, photo, size, framing)
    frame = cut_frame(upright.pixels, crop, size)
    return Portrait(frame, move_face(face, crop, size), crop, upright.faces, photo, upright.quarter_turns, notices)


def _check(photo: UprightPhoto, face: Face, framing: Framing) -> Iterator[Notice]:
    if photo.quarter_turns:
        yield Notice("photo.turned", "image")
    yield from check_picture(photo.pixels, photo.faces, framing.face)
    yield from check_face(measure_face(photo.pixels, face))
