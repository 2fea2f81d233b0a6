"""From a picture to a checked portrait, in one step."""

from pathlib import Path

from pipeline.image.check import check_face, check_picture, check_upright, choose_face, measure_face
from pipeline.image.crop import crop_around, cut_frame, move_face
from pipeline.image.face import FaceFinder
from pipeline.image.load import load_photo
from pipeline.image.resize import choose_size
from pipeline.profiles import Resolution
from pipeline.types import FrameSize, Framing, Portrait


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
    pixels = load_photo(path).pixels
    finder = FaceFinder()
    faces = finder.find(pixels)
    check_upright(finder, pixels, faces)
    face = choose_face(faces, framing.face)
    notices = (*check_picture(pixels, faces, framing.face), *check_face(measure_face(pixels, face)))
    photo = FrameSize(pixels.shape[1], pixels.shape[0])
    size = choose_size(photo.width, photo.height, framing.aspect, resolution)
    crop = crop_around(face, photo, size, framing)
    return Portrait(cut_frame(pixels, crop, size), move_face(face, crop, size), crop, faces, photo, notices)
