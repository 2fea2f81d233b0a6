"""The picture that stands for a video until it is played."""

from itertools import islice
from pathlib import Path

import av
from PIL import Image

from pipeline.errors import OutputError
from pipeline.types import FRAME_RATE

_POSTER_FRAME = FRAME_RATE  # after a second somebody speaks; the very first frame is often a closed mouth


def write_poster(video: Path, poster: Path) -> None:
    """Write a frame of the video as a JPEG; it appears when it is complete.

    Raises:
        OutputError: The video cannot be read, or the picture not be written.
    """
    try:
        with av.open(video) as container:
            *_, frame = islice(container.decode(video=0), _POSTER_FRAME + 1)
        part_path = poster.with_name(f"{poster.name}.tmp")
        Image.fromarray(frame.to_ndarray(format="rgb24")).save(part_path, format="JPEG", quality=88)
        part_path.replace(poster)
    except (OSError, av.FFmpegError) as error:
        raise OutputError(f"{poster.name} could not be made from {video.name}.") from error
