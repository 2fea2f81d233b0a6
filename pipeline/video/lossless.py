"""Frames in a file that gives back every bit of them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from pipeline.types import FRAME_RATE, Pixels

_CODEC, _PIXELS = "utvideo", "gbrp"
_OPTIONS = {"pred": "median"}
"""Quick, as a GPU waits for it; and noise takes no more room than the raw frames."""


def write_lossless(path: Path, frames: Pixels) -> None:
    """Write frames (n, height, width, 3), RGB.

    Raises:
        OSError: The file cannot be written.
    """
    with av.open(path, "w", format="nut") as container:
        stream = container.add_stream(_CODEC, rate=FRAME_RATE, options=_OPTIONS)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], _PIXELS
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=_PIXELS)
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def read_lossless(path: Path) -> Pixels:
    """Return the frames of a file that `write_lossless` wrote.

    Raises:
        OSError: The file cannot be read.
    """
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
