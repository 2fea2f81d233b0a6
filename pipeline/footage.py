"""Footage: a video in place of a photo, read chunk by chunk."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from pipeline.errors import InputError
from pipeline.image.crop import cut_frame
from pipeline.types import Box, FrameSize, Pixels


@dataclass(frozen=True)
class Footage:
    """A video whose frames are decoded when they are asked for; a `pipeline.scene.Source`.

    Nothing stays open between two reads, so it may be handed to other processes and read by several at once.

    Attributes:
        path: The file.
        crop: The part that is shown, in pixels of the upright picture as it is stored.
        size: Of the frames as they are read.
        frame_rate: At which they are counted, whatever the file's own rate is.
        num_frames: How many there are at that rate. Beyond them the last one stays.
        start_seconds: Of the file's first frame, which is frame 0.
        cuts: Frames with which another shot begins.
    """

    path: Path
    crop: Box
    size: FrameSize
    frame_rate: int
    num_frames: int
    start_seconds: Fraction = Fraction(0)
    cuts: tuple[int, ...] = ()

    @classmethod
    def measure(cls, path: Path, size: FrameSize, frame_rate: int, cuts: tuple[int, ...] = ()) -> Self:
        """Find out how long the video is, and show the largest part in its middle that has the shape of `size`.

        Raises:
            InputError: It cannot be read.
        """
        with _open(path) as container:
            first = next(_decode(container), None)
            pixel_aspect = container.streams.video[0].sample_aspect_ratio or Fraction(1)
        if first is None:
            raise InputError("photo.damaged", "image")
        start = _find_time(first)
        num_frames = max(round((_find_end(path) - start) * frame_rate), 1)
        return cls(path, _cut_middle(first, pixel_aspect, size), size, frame_rate, num_frames, start, cuts)

    def read_frames(self, first: int, count: int) -> Pixels:
        """Return consecutive frames (count, height, width, 3), RGB: those whose times are nearest.

        Args:
            first: The first of them.
            count: How many; memory grows with it, and not with the length of the video.

        Raises:
            InputError: The video cannot be read.
        """
        last = self.num_frames - 1
        times = [self.start_seconds + Fraction(min(first + index, last), self.frame_rate) for index in range(count)]
        frames = np.empty((count, self.size.height, self.size.width, 3), np.uint8)
        shown: VideoFrame | None = None
        for index, frame in enumerate(_pick(_decode_from(self.path, times[0]), times) if times else ()):
            frames[index] = frames[index - 1] if frame is shown else cut_frame(_to_upright(frame), self.crop, self.size)
            shown = frame
        return frames


def _pick(frames: Iterator[VideoFrame], times: list[Fraction]) -> Iterator[VideoFrame]:
    """Yield for each of the rising times the frame that is nearest; of two as near, the earlier one."""
    before, after = None, next(frames, None)
    for time in times:
        while after is not None and _find_time(after) < time:
            before, after = after, next(frames, None)
        near = [frame for frame in (before, after) if frame is not None]
        if not near:
            raise InputError("photo.damaged", "image")
        yield min(near, key=lambda frame: abs(_find_time(frame) - time))


def _decode_from(path: Path, seconds: Fraction) -> Iterator[VideoFrame]:
    """Yield frames from the last key frame before that time on, or from the first one where the file has no index."""
    with _open(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(floor(seconds / stream.time_base), stream=stream)
        frames = _decode(container)
        first = next(frames, None)
        if first is not None and _find_time(first) <= seconds:
            yield first
            yield from frames
            return
    with _open(path) as container:
        yield from _decode(container)


def _decode(container: InputContainer) -> Iterator[VideoFrame]:
    return (frame for frame in container.decode(video=0) if frame.pts is not None)


@contextmanager
def _open(path: Path) -> Iterator[InputContainer]:
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise InputError("photo.damaged", "image")
            yield container
    except (OSError, av.FFmpegError) as error:
        raise InputError("photo.damaged", "image") from error


def _find_end(path: Path) -> Fraction:
    """Return when the last frame ends, as the packets say: what a file says of its own length may be wrong."""
    with _open(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        usual = 1 / (stream.average_rate or Fraction(1)) / stream.time_base  # for files that leave the last one's open
        ends = (
            packet.pts + (packet.duration or usual)
            for packet in container.demux(stream)
            if packet.pts is not None and not packet.is_discard
        )
        return max(ends, default=Fraction(0)) * stream.time_base


def _find_time(frame: VideoFrame) -> Fraction:
    assert frame.pts is not None
    assert frame.time_base is not None
    return frame.pts * frame.time_base


def _to_upright(frame: VideoFrame) -> Pixels:
    """Return RGB (height, width, 3), turned as players turn what a phone has recorded."""
    return np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)


def _cut_middle(frame: VideoFrame, pixel_aspect: Fraction, size: FrameSize) -> Box:
    """Return the largest part of the upright frame that is seen in the shape of `size`.

    Args:
        frame: As it is stored.
        pixel_aspect: How many times as wide as high its pixels are shown.
        size: The shape.
    """
    is_lying = frame.rotation // 90 % 2 == 1
    width, height = (frame.height, frame.width) if is_lying else (frame.width, frame.height)
    aspect = Fraction(size.width, size.height) * (pixel_aspect if is_lying else 1 / pixel_aspect)
    shown_width, shown_height = min(width, float(height * aspect)), min(height, float(width / aspect))
    left, top = (width - shown_width) / 2, (height - shown_height) / 2
    return Box(left, top, left + shown_width, top + shown_height)
