"""From a picture to a checked portrait, in one step."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import name_in_errors
from pipeline.image.check import check_face, check_picture, choose_faces, measure_face
from pipeline.image.crop import crop_around, cut_frame, move_face, shows_mouth
from pipeline.image.face import FaceFinder
from pipeline.image.group import crop_group
from pipeline.image.load import load_photo
from pipeline.image.resize import choose_size, list_sizes
from pipeline.image.upright import UprightPhoto, find_upright
from pipeline.notices import Notice
from pipeline.profiles import Resolution
from pipeline.request import Framing
from pipeline.types import Box, Face, FrameSize, Pixels, Portrait
from pipeline.watermark import has_mark


def prepare_portrait(path: Path, framing: Framing, resolution: Resolution) -> Portrait:
    """Read, check and crop a photo.

    Args:
        path: The uploaded picture.
        framing: Which faces talk, and what part of the photo to show.
        resolution: Of the video.

    Returns:
        The frame exactly as the engine gets it, with the faces found and the warnings.

    Raises:
        InputError: The picture cannot be used; the notice says why.
    """
    pixels = load_photo(path).pixels
    upright = find_upright(FaceFinder(), pixels)
    speakers = choose_faces(upright.faces, framing)
    notices = (*_check(upright, speakers, framing), *_recognize(pixels))
    photo = FrameSize(upright.pixels.shape[1], upright.pixels.shape[0])
    size, crop = _cut(speakers, photo, framing, resolution)
    others = (move_face(face, crop, size) for face in upright.faces if not any(face is one for one in speakers))
    return Portrait(
        frame=cut_frame(upright.pixels, crop, size),
        speakers=tuple(move_face(face, crop, size) for face in speakers),
        crop=crop,
        faces=upright.faces,
        photo_size=photo,
        quarter_turns=upright.quarter_turns,
        notices=notices,
        bystanders=tuple(face for face in others if shows_mouth(face, size)),
    )


def place_faces(portrait: Portrait) -> tuple[Face | None, ...]:
    """Return where in the frame each of the photo's faces is, in its pixels; None where its mouth is not in it."""
    height, width = portrait.frame.shape[:2]
    size = FrameSize(width, height)
    placed = (move_face(face, portrait.crop, size) for face in portrait.faces)
    return tuple(face if shows_mouth(face, size) else None for face in placed)


def _cut(
    speakers: tuple[Face, ...], photo: FrameSize, framing: Framing, resolution: Resolution
) -> tuple[FrameSize, Box]:
    """Return the frame's size, and the part of the photo that it shows."""
    if len(speakers) > 1:
        group = crop_group(speakers, photo, list_sizes(framing.aspect, resolution), framing)
        return group.size, group.box
    size = choose_size(photo.width, photo.height, framing.aspect, resolution)
    return size, crop_around(speakers[0], photo, size, framing)


def _recognize(pixels: Pixels) -> Iterator[Notice]:
    """Tell of a picture out of a video that was made here, or by others with the same program."""
    if has_mark(pixels):
        yield Notice("photo.synthetic", "image")


def _check(photo: UprightPhoto, speakers: tuple[Face, ...], framing: Framing) -> Iterator[Notice]:
    if photo.quarter_turns:
        yield Notice("photo.turned", "image")
    is_chosen = framing.face is not None or bool(framing.faces)
    yield from check_picture(photo.pixels, photo.faces, is_chosen=is_chosen)
    if len(speakers) == 1:
        yield from check_face(measure_face(photo.pixels, speakers[0]))
        return
    for number, face in zip(framing.faces, speakers, strict=True):
        with name_in_errors("face", number):
            notices = check_face(measure_face(photo.pixels, face))
        yield from (notice.name("face", number) for notice in notices)
