"""What the watermark withstands, what it costs and whether it is seen: tables in Markdown.

python -m tests.pipeline.watermark.table [VIDEO ...]
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from pipeline.profiles import FrameSize
from pipeline.types import Pixels
from pipeline.watermark import Embedder, Payload, read_mark
from tests.photos import HOPPER, MONA_LISA
from tests.pipeline.watermark import clips
from tests.pipeline.watermark.clips import crop, encode, record_screen, resize

PAYLOAD = Payload.for_job("a job of the table", b"a key of the table")
NUM_FRAMES = 150
ATTACKS: dict[str, Callable[[Pixels], list[Pixels] | Pixels]] = {
    "as written (x264 crf 20)": lambda video: video,
    "x264 crf 23": lambda video: encode(video, 23),
    "x264 crf 28": lambda video: encode(video, 28),
    "x264 crf 33": lambda video: encode(video, 33),
    "x264 crf 38": lambda video: encode(video, 38),
    "VP9 crf 33": lambda video: encode(video, 33, "libvpx-vp9"),
    "VP9 crf 45": lambda video: encode(video, 45, "libvpx-vp9"),
    "crf 28, then VP9 crf 36, then crf 28": lambda video: encode(encode(encode(video, 28), 36, "libvpx-vp9"), 28),
    "scaled to 50 %, crf 23": lambda video: encode(resize(video, 0.5), 23),
    "scaled to 50 %, crf 28": lambda video: encode(resize(video, 0.5), 28),
    "scaled to 33 %, crf 23": lambda video: encode(resize(video, 1 / 3), 23),
    "scaled to 200 %, crf 28": lambda video: encode(resize(video[:50], 2), 28),
    "stretched to 125 % across, crf 23": lambda video: encode(resize(video, 1.25, 1), 23),
    "cropped by 10 %, crf 23": lambda video: encode(crop(video, 0.05, 0.05, 0.05, 0.05), 23),
    "cropped by 25 % at left and bottom, crf 28": lambda video: encode(crop(video, 0.25, 0, 0, 0.25), 28),
    "upright 9:16 cut out of it or square, crf 28": lambda video: encode(_cut_upright(video), 28),
    "cropped by 10 %, scaled to 50 %, crf 28": lambda video: encode(resize(crop(video, 0.1, 0, 0, 0.1), 0.5), 28),
    "25 -> 30 frames a second, crf 23": lambda video: encode(clips.change_rate(video, 30), 23, rate=30),
    "twice as fast, crf 23": lambda video: encode(video[::2], 23),
    "2 s cut out, crf 23": lambda video: encode(np.delete(video, slice(30, 80), axis=0), 23),
    "first 2 s only, crf 23": lambda video: encode(video[:50], 23),
    "brightness, contrast, gamma, colour, crf 23": lambda video: encode(clips.recolor(video), 23),
    "grey, blurred (sigma 1), crf 23": lambda video: encode(_blur(video), 23),
    "screen recorded (87 %, borders, 30 a second), crf 28": lambda video: encode(record_screen(video), 28, rate=30),
    "mirrored, crf 23": lambda video: encode(video[:, :, ::-1], 23),
    "turned by 1 degree, crf 23": lambda video: encode(_turn(video, 1.0), 23),
    "one frame, JPEG at 85": lambda video: [clips.to_jpeg(video[25], 85)],
    "one frame, JPEG at 60": lambda video: [clips.to_jpeg(video[25], 60)],
    "one frame of crf 28, JPEG at 85": lambda video: [clips.to_jpeg(encode(video[:60], 28)[50], 85)],
    "one frame, scaled to 50 %, JPEG at 85": lambda video: [clips.to_jpeg(resize(video[25:26], 0.5)[0], 85)],
    "one frame, cropped by 10 %, JPEG at 85": lambda video: [
        clips.to_jpeg(crop(video[25:26], 0.05, 0.05, 0.05, 0.05)[0], 85)
    ],
}


def main() -> None:
    """Print the tables."""
    contents = dict(_make_contents([Path(name) for name in sys.argv[1:]]))
    written = {name: _print_quality(name, frames) for name, frames in contents.items()}
    _say(f"\n| attack | {' | '.join(written)} |\n|---|{'---|' * len(written)}")
    for attack, run in ATTACKS.items():
        _say(f"| {attack} | {' | '.join(_judge(run(video)) for video in written.values())} |")


def _make_contents(videos: list[Path]) -> Iterator[tuple[str, Pixels]]:
    with tempfile.TemporaryDirectory() as folder:
        yield "portrait", clips.make_preview(HOPPER, "auto", Path(folder))
        yield "painting", clips.make_preview(MONA_LISA, "9:16", Path(folder))
    yield "moving", clips.make_moving(NUM_FRAMES)
    yield "drawing", clips.make_drawing(NUM_FRAMES)
    for video in videos:
        yield video.stem, _fit(clips.decode(video, NUM_FRAMES))


def _fit(frames: Pixels) -> Pixels:
    """Return frames at the area of 480p, with even sides."""
    scale = np.sqrt(832 * 480 / (frames.shape[1] * frames.shape[2]))
    height, width = (2 * round(side * scale / 2) for side in frames.shape[1:3])
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in frames])


def _print_quality(name: str, frames: Pixels) -> Pixels:
    """Print what marking costs and changes, and return the video as the app would write it."""
    embedder = Embedder(FrameSize(frames.shape[2], frames.shape[1]), PAYLOAD)
    batches = np.split(frames, range(25, len(frames), 25))
    start = time.process_time()
    marked_batches = [embedder.mark(batch) for batch in batches]
    seconds = 25 * (time.process_time() - start) / len(frames)
    marked = np.concatenate(marked_batches)
    difference = np.mean((frames[::5].astype(np.float32) - marked[::5]) ** 2)
    likeness = np.mean([structural_similarity(frames[i], marked[i], channel_axis=2) for i in (0, 25, 50)])
    _say(
        f"{name} ({frames.shape[2]} x {frames.shape[1]}): {seconds:.3f} s a second, PSNR "
        f"{10 * np.log10(255**2 / difference):.1f} dB, SSIM {likeness:.4f}, flicker "
        f"{_measure_flicker(frames, frames):.3f} -> {_measure_flicker(frames, marked):.3f}"
    )
    return encode(marked, 20)


def _measure_flicker(frames: Pixels, shown: Pixels) -> float:
    """Return the mean change, in grey levels, from frame to frame where nothing moves."""
    changes = abs(np.diff(frames[:50].astype(np.int16), axis=0)).max(axis=-1)
    still = changes <= 1
    return float(abs(np.diff(shown[:50].astype(np.int16), axis=0)).mean(axis=-1)[still].mean())


def _judge(frames: list[Pixels] | Pixels) -> str:
    reading = read_mark(clips.sample(frames))
    if reading is None:
        return "-"
    return f"{reading.score:.0f}" if reading.payload == PAYLOAD else "WRONG"


def _cut_upright(video: Pixels) -> Pixels:
    height, width = video.shape[1:3]
    share = max(0.0, 1 - height * 9 / 16 / width) / 2
    return crop(video, share, 0, share, 0) if width > height else crop(video, 0, 0, 0, 1 - width / height)


def _blur(video: Pixels) -> list[Pixels]:
    grey = [cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) for frame in video]
    return [cv2.GaussianBlur(frame, (0, 0), 1) for frame in grey]


def _turn(video: Pixels, degrees: float) -> list[Pixels]:
    height, width = video.shape[1:3]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.05)
    return [cv2.warpAffine(frame, matrix, (width, height)) for frame in video]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
