"""A video is read by time, chunk by chunk."""

import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.footage import Footage
from pipeline.types import FrameSize, Pixels

SIZE = FrameSize(96, 64)
MILLISECONDS = Fraction(1, 1000)
UPRIGHT = (1 << 16).to_bytes(4, "big")


def draw(level: int, size: FrameSize = SIZE) -> Pixels:
    """Return a picture as bright as that, darker in its lower half."""
    picture = np.full((size.height, size.width, 3), level, np.uint8)
    picture[size.height // 2 :] //= 4
    return picture


def write(path: Path, times: Sequence[int], time_base: Fraction, aspect: Fraction = Fraction(1)) -> Path:
    """Write a video of frames at these times, each four steps brighter than the one before."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=min(round(1 / time_base), 50), options={"crf": "5", "g": "8"})
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = time_base
        stream.codec_context.sample_aspect_ratio = aspect
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(4 * index % 256), format="rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_numbers(footage: Footage, first: int, count: int) -> list[int]:
    """Return which of the frames of `write` are read."""
    frames = footage.read_frames(first, count)
    assert frames.shape == (count, footage.size.height, footage.size.width, 3)
    return [round(float(frame[: footage.size.height // 3].mean()) / 4) for frame in frames]


def find_nearest(times: Sequence[int], num_frames: int, frame_rate: int) -> list[int]:
    """Return which frame is nearest at each moment of the video, of times in milliseconds."""
    moments = [Fraction(1000 * index, frame_rate) + times[0] for index in range(num_frames)]
    return [min(range(len(times)), key=lambda index: abs(times[index] - moment)) for moment in moments]


@pytest.mark.parametrize(("rate", "num_frames"), [(25, 40), (30, 33), (50, 20), (24, 42)])
def test_a_constant_rate_becomes_the_scene_s(rate: int, num_frames: int, tmp_path: Path) -> None:
    path = write(tmp_path / "video.mp4", range(40), Fraction(1, rate))
    footage = Footage.measure(path, SIZE, 25)
    assert footage.num_frames == num_frames
    expected = [round(index * rate / 25 - 0.01) for index in range(num_frames)]
    assert read_numbers(footage, 0, num_frames) == expected


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("start", [0, 500])
def test_a_rate_that_varies_is_read_by_time(suffix: str, start: int, tmp_path: Path) -> None:
    gaps = np.random.default_rng(0).integers(10, 120, 40)
    times = [int(time) for time in start + np.cumsum(gaps) - gaps[0]]
    footage = Footage.measure(write(tmp_path / f"video.{suffix}", times, MILLISECONDS), SIZE, 25)
    expected = find_nearest(times, footage.num_frames, 25)
    assert footage.num_frames >= (times[-1] - times[0]) * 25 // 1000
    assert read_numbers(footage, 0, footage.num_frames) == expected


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_chunks_are_the_whole(suffix: str, tmp_path: Path) -> None:
    footage = Footage.measure(write(tmp_path / f"video.{suffix}", range(40), Fraction(1, 30)), SIZE, 25)
    whole = footage.read_frames(0, 33)
    for first in range(0, 33, 7):
        chunk = footage.read_frames(first, 7)[: 33 - first]
        assert np.array_equal(chunk, whole[first : first + 7])


def test_the_last_frame_stays(tmp_path: Path) -> None:
    footage = Footage.measure(write(tmp_path / "video.mp4", range(10), Fraction(1, 25)), SIZE, 25)
    assert read_numbers(footage, 8, 4) == [8, 9, 9, 9]
    assert read_numbers(footage, 900, 1) == [9]


def turn(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Have players turn the video, as phones do: the first four numbers of the track's matrix say how."""
    content = bytearray(path.read_bytes())
    place = content.index(UPRIGHT + bytes(12) + UPRIGHT, content.index(b"tkhd"))
    for offset, number in zip((0, 4, 12, 16), matrix, strict=True):
        content[place + offset : place + offset + 4] = (number << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("matrix", "bright"),
    [((0, 1, -1, 0), "right"), ((-1, 0, 0, -1), "bottom"), ((0, -1, 1, 0), "left")],
    ids=["90", "180", "270"],
)
def test_what_a_phone_has_turned_is_upright(matrix: tuple[int, int, int, int], bright: str, tmp_path: Path) -> None:
    path = write(tmp_path / "video.mp4", range(30), Fraction(1, 25))
    turn(path, matrix)
    size = SIZE if bright == "bottom" else FrameSize(SIZE.height, SIZE.width)
    frame = Footage.measure(path, size, 25).read_frames(25, 1)[0].mean(axis=2)
    halves = {"right": frame[:, size.width // 2 :], "left": frame[:, : size.width // 2]}
    halves |= {"bottom": frame[size.height // 2 :], "top": frame[: size.height // 2]}
    assert max(halves, key=lambda side: halves[side].mean()) == bright


@pytest.mark.parametrize(
    ("aspect", "size", "crop"),
    [
        (Fraction(1), FrameSize(64, 64), (16, 0, 80, 64)),
        (Fraction(1), FrameSize(96, 32), (0, 16, 96, 48)),
        (Fraction(2), FrameSize(192, 64), (0, 0, 96, 64)),
        (Fraction(2), FrameSize(64, 64), (32, 0, 64, 64)),
    ],
)
def test_the_middle_is_shown(aspect: Fraction, size: FrameSize, crop: tuple[int, ...], tmp_path: Path) -> None:
    path = write(tmp_path / "video.mp4", range(3), Fraction(1, 25), aspect)
    footage = Footage.measure(path, size, 25)
    assert tuple(vars(footage.crop).values()) == pytest.approx(crop)
    assert footage.read_frames(0, 1).shape == (1, size.height, size.width, 3)


@pytest.mark.parametrize("content", [b"", b"no video", None])
def test_what_is_no_video_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        Footage.measure(path, SIZE, 25)


def test_a_recording_without_pictures_is_refused() -> None:
    with pytest.raises(InputError):
        Footage.measure(Path("assets/voices/joe.wav"), SIZE, 25)


CHUNKS = """
import sys
from pathlib import Path
from pipeline.footage import Footage
from pipeline.types import FrameSize

def measure_peak_kilobytes():
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))

footage = Footage.measure(Path(sys.argv[1]), FrameSize(640, 480), 25)
footage.read_frames(0, 20)
before = measure_peak_kilobytes()
for first in range(0, footage.num_frames, 20):
    footage.read_frames(first, 20)
print(footage.num_frames, measure_peak_kilobytes() - before)
"""


def test_memory_is_that_of_a_chunk(tmp_path: Path) -> None:
    path = write(tmp_path / "video.mp4", range(400), Fraction(1, 25))
    output = subprocess.run([sys.executable, "-c", CHUNKS, str(path)], capture_output=True, text=True, check=True)
    num_frames, grown = map(int, output.stdout.split())
    assert num_frames == 400
    assert grown < 60_000  # all frames have 369 MB
