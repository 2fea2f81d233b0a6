"""A picture stands for the video."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import OutputError
from pipeline.types import FrameSize, SoundTrack
from pipeline.video import VideoWriter, write_poster


@pytest.mark.parametrize(("num_frames", "level"), [(1, 40), (20, 40), (50, 200)])
def test_shows_the_video_after_a_second(num_frames: int, level: int, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "video.mp4", FrameSize(64, 48), SoundTrack(48_000, 1, iter([])), {}) as writer:
        writer.write(np.full((num_frames, 48, 64, 3), 40, np.uint8)[:25])
        writer.write(np.full((num_frames, 48, 64, 3), 200, np.uint8)[25:])
    write_poster(tmp_path / "video.mp4", tmp_path / "poster.jpg")
    with Image.open(tmp_path / "poster.jpg") as poster:
        assert (poster.format, poster.size) == ("JPEG", (64, 48))
        assert np.asarray(poster).mean() == pytest.approx(level, abs=3)


def test_says_that_there_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_bytes(b"no video")
    with pytest.raises(OutputError, match=r"poster\.jpg could not be made"):
        write_poster(tmp_path / "video.mp4", tmp_path / "poster.jpg")
