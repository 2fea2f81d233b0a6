"""Draws the photo with everybody in a pose."""

from collections.abc import Sequence

from pipeline.preview.head import Head, prepare_picture
from pipeline.preview.mark import make_mark
from pipeline.preview.performance import Pose
from pipeline.preview.territory import share_frame
from pipeline.types import Face, Pixels


class Renderer:
    """Holds what is measured and solved once a photo."""

    def __init__(self, photo: Pixels, speakers: Sequence[Face], bystanders: Sequence[Face] = ()) -> None:
        picture = prepare_picture(photo)
        self._photo = picture.photo
        depths = share_frame(speakers, bystanders, picture.size)
        self._heads = [Head(picture, face, own) for face, own in zip(speakers, depths, strict=True)]
        self._mark = make_mark(picture.size)

    def render(self, poses: Sequence[Pose]) -> Pixels:
        """Return an RGB frame (height, width, 3) of the speakers in these poses."""
        frame = self._photo.copy()
        for head, pose in zip(self._heads, poses, strict=True):
            head.draw(frame, pose)
        self._mark.draw(frame)
        return frame
