"""Videos of the sample photos, and others that need no engine, to be marked and attacked."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import IO

import av
import cv2
import numpy as np
import skimage.data

from pipeline.engine import EngineSettings
from pipeline.engines import create_engine
from pipeline.generate import make_video
from pipeline.request import VideoRequest
from pipeline.types import Pixels

SIZE = (832, 480)
_VOICE = Path("assets/voices/joe.wav")


def make_preview(photo: Path, aspect: str, folder: Path, seconds: float = 6.0) -> Pixels:
    """Return the frames of a preview."""
    request = VideoRequest(profile="preview", aspect=aspect, max_duration_sec=seconds, seed=1)
    path = folder / f"{photo.stem}.mp4"
    make_video(
        request, {"image": photo, "audio": _VOICE}, create_engine("preview", EngineSettings()), path, lambda _: None
    )
    return decode(path)


def make_moving(num_frames: int) -> Pixels:
    """Return a camera that pans over a photo, while a ball crosses and the light changes."""
    photo = cv2.resize(skimage.data.coffee(), None, fx=2.2, fy=2.2, interpolation=cv2.INTER_CUBIC)
    return np.stack([_film(photo, index / 25) for index in range(num_frames)])


def make_drawing(num_frames: int) -> Pixels:
    """Return a drawn face that talks, before a slope without any grain (frames, 480, 832, 3)."""
    slope = np.linspace((70, 130, 200), (190, 215, 240), 480)[:, None]
    ground = np.rint(np.broadcast_to(slope, (480, 832, 3))).astype(np.uint8)
    cv2.circle(ground, (415, 240), 180, (255, 208, 160), -1)
    frames = np.stack([ground] * num_frames)
    for index, frame in enumerate(frames):
        cv2.ellipse(frame, (415, 330), (40, 6 + 12 * (index % 10 // 5)), 0, 0, 360, (120, 20, 20), -1)
    return frames


def _film(photo: Pixels, seconds: float) -> Pixels:
    turn = cv2.getRotationMatrix2D((660, 440), 6 * np.sin(seconds), 1 + 0.1 * np.sin(0.7 * seconds))
    turn[:, 2] += (-240 - 60 * np.sin(0.9 * seconds), -200 + 50 * np.cos(seconds))
    frame = cv2.warpAffine(photo, turn, SIZE, borderMode=cv2.BORDER_REFLECT)
    cv2.circle(frame, (int(200 * seconds) % SIZE[0], 300), 40, (250, 210, 60), -1, cv2.LINE_AA)
    return cv2.convertScaleAbs(frame, alpha=1 + 0.1 * np.sin(3 * seconds))


def decode(source: Path | IO[bytes], num_frames: int | None = None) -> Pixels:
    """Return a video's frames (n, height, width, 3), RGB."""
    with av.open(source) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), num_frames)])


def encode(frames: Sequence[Pixels] | Pixels, crf: int, codec: str = "libx264", rate: int = 25) -> Pixels:
    """Return the frames as they come out of a codec, with sides that are cut to even numbers."""
    file = io.BytesIO()
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    options = {"crf": str(crf), "threads": "1"} | _QUICK[codec]
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    file.seek(0)
    return decode(file)


_QUICK = {"libx264": {"preset": "veryfast"}, "libvpx-vp9": {"b": "0", "deadline": "realtime", "cpu-used": "7"}}


def to_jpeg(frame: Pixels, quality: int) -> Pixels:
    """Return a frame as it comes out of a JPEG."""
    _, content = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1])


def resize(frames: Pixels, across: float, down: float | None = None) -> list[Pixels]:
    """Return the frames at other sizes, as factors."""
    return [cv2.resize(frame, None, fx=across, fy=down or across, interpolation=cv2.INTER_AREA) for frame in frames]


def crop(frames: Pixels, left: float, top: float, right: float, bottom: float) -> Pixels:
    """Return the frames without shares of their sides."""
    height, width = frames.shape[1:3]
    rows = slice(round(top * height), height - round(bottom * height))
    return frames[:, rows, round(left * width) : width - round(right * width)]


def change_rate(frames: Pixels, rate: int) -> Pixels:
    """Return frames of 25 a second at another rate, by repeating or leaving out."""
    return frames[(np.arange(int(len(frames) * rate / 25)) * 25 / rate).astype(int)]


def record_screen(frames: Pixels) -> Pixels:
    """Return the frames as a recording of a screen shows them: smaller, between borders, 30 a second."""
    small = np.stack(resize(change_rate(frames, 30), 0.87))
    height, width = frames.shape[1:3]
    screen = np.full((len(small), height, width, 3), (24, 26, 30), np.uint8)
    top, left = (height - small.shape[1]) // 2, (width - small.shape[2]) // 2
    screen[:, top : top + small.shape[1], left : left + small.shape[2]] = small
    return screen


def recolor(frames: Pixels) -> Pixels:
    """Return the frames lighter, with less contrast, another gamma and warmer."""
    levels = 255 * (np.arange(256) / 255) ** 0.8 * 0.85 + 20
    tables = [np.clip(levels * gain, 0, 255).astype(np.uint8) for gain in (1.05, 1.0, 0.9)]
    return np.stack([table[frames[..., channel]] for channel, table in enumerate(tables)], axis=-1)


def sample(frames: Sequence[Pixels] | Pixels, num_frames: int = 40) -> Iterator[Pixels]:
    """Yield frames from everywhere in a video."""
    yield from (frames[index] for index in np.unique(np.linspace(0, len(frames) - 1, num_frames).astype(int)))
