"""Frames from everywhere in a stranger's video, or his one picture, in which a mark is looked for."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from pipeline.credentials.kinds import find_kind
from pipeline.image.load import load_photo
from pipeline.types import Pixels

_NUM_FRAMES = 40
_CPU_SECONDS = 5.0
"""After which those that were found have to do: it is a few seconds' worth of the largest videos."""
_ROLL_SECONDS = 1.0
"""How much is decoded on the way to a frame; what is farther on is skipped, to where the video can be entered."""
_MOST_PIXELS, _PIXELS = 36_000_000, 2_000_000
"""Of a frame as it is stored, and as it is looked at."""
_MICROSECONDS = 1_000_000
_DEMUXERS = {b"\x1a\x45\xdf\xa3": "matroska", b"RIFF": "avi"}
_OPTIONS = {
    "protocol_whitelist": "",  # no protocol at all: the bytes come from the open file
    "codec_whitelist": "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,libdav1d,av1,mpeg4,mjpeg",
    "probesize": "2000000",
    "analyzeduration": "2000000",
}


def sample_frames(path: Path) -> Iterator[Pixels]:
    """Yield frames (height, width, 3), RGB: one of a picture, some dozen of a video, fewer if these take too long.

    Raises:
        InputError: The picture cannot be read.
        LookupError: There is no picture in the file.
        OSError: The video cannot be read (FFmpeg's errors are such, too).
        ValueError: FFmpeg's likewise, or the video's frames are too large.
    """
    kind = find_kind(path)
    if kind is not None and kind.startswith("image/"):
        yield load_photo(path).pixels
        return
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        demuxer = _DEMUXERS.get(head, "mov")
        with av.open(
            file, "r", format=demuxer, container_options=_OPTIONS, metadata_errors="ignore", io_open=_refuse
        ) as container:
            yield from _sample(container)


def _sample(container: InputContainer) -> Iterator[Pixels]:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # several would each hold frames
    deadline = time.process_time() + _CPU_SECONDS
    start, length = container.start_time or 0, (container.duration or 0) / _MICROSECONDS
    place, frames = 0.0, container.decode(stream)
    for wanted in np.linspace(0.0, length, _NUM_FRAMES, endpoint=False):
        if wanted - place > _ROLL_SECONDS:
            container.seek(start + int(wanted * _MICROSECONDS))
            frames = container.decode(stream)
        entered: float | None = None
        for frame in frames:
            place = (frame.time or 0.0) - start / _MICROSECONDS
            entered = place if entered is None else entered
            if place >= wanted or place - entered > _ROLL_SECONDS or time.process_time() > deadline:
                break
        else:
            return
        if frame.width * frame.height > _MOST_PIXELS:
            raise ValueError("The frames are larger than those of any camera.")
        yield _to_rgb(frame)
        if time.process_time() > deadline:
            return


def _to_rgb(frame: VideoFrame) -> Pixels:
    """Return an upright frame, no larger than needed."""
    scale = min(1.0, (_PIXELS / (frame.width * frame.height)) ** 0.5)
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    return np.rot90(frame.to_ndarray(format="rgb24", width=width, height=height), frame.rotation // 90)


def _refuse(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    del url, flags, options
    raise PermissionError("A video must not name other files.")
