"""Makes a preview of each photo with each voice, and prints how fast it was and how well the mouth follows the sound.

python -m tests.benchmarks.preview PHOTO... --voices VOICE... [--seconds 10] [--aspect 16:9] [--keep FOLDER]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from pipeline.audio import load_speech
from pipeline.engine import EngineSettings
from pipeline.engines import create_engine
from pipeline.errors import InputError
from pipeline.generate import make_video
from pipeline.request import Inputs, VideoRequest
from pipeline.types import Pixels
from tests.sync import measure_sync

_HEAD = (
    "| photo | voice | seconds of video | seconds to make | processor seconds | times real time | r | lag, ms | said |"
)


def main() -> None:
    """Print a table in Markdown."""
    arguments = _parse()
    _say(_HEAD)
    _say("|" + "---|" * (_HEAD.count("|") - 1))
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for photo in arguments.photos:
            for voice in arguments.voices:
                request = VideoRequest(max_duration_sec=arguments.seconds, seed=1, aspect=arguments.aspect)
                measured = _measure(request, {"image": photo, "audio": voice}, folder)
                _say(f"| {photo.stem} | {voice.stem} | {measured} |")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--voices", nargs="+", type=Path, required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--aspect", default="16:9")
    parser.add_argument("--keep", type=Path, help="Folder that keeps the videos.")
    return parser.parse_args()


def _measure(request: VideoRequest, inputs: Inputs, folder: Path) -> str:
    output = folder / f"{inputs['image'].stem}_{inputs['audio'].stem}.mp4"
    started = time.process_time()
    try:
        result = make_video(request, inputs, create_engine("preview", EngineSettings()), output, lambda _: None)
    except InputError as error:
        return f"| | | | | | {error.notice.code}"
    processor_seconds = time.process_time() - started
    speech = load_speech(inputs["audio"], 0.0, request.max_duration_sec)
    sync = measure_sync(_read_frames(output), speech.waveform)
    said = ", ".join(notice.code for notice in result.notices)
    times = result.speech_seconds / result.compute_seconds
    return (
        f"{result.speech_seconds:.1f} | {result.compute_seconds:.1f} | {processor_seconds:.1f} | {times:.1f} "
        f"| {sync.correlation:.2f} | {sync.lag_milliseconds:+.0f} | {said}"
    )


def _read_frames(path: Path) -> Pixels:
    with av.open(str(path)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
