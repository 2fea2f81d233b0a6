"""Makes a preview of each photo with each voice, and prints how fast it was and how well the mouth follows the sound.

python -m tests.benchmarks.preview PHOTO... --voices VOICE... [--seconds 10] [--aspect 16:9] [--keep FOLDER]
"""

import argparse
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
from tests.benchmarks.report import Row, find_device, write_report
from tests.sync import measure_sync

NOTHING: Row = dict.fromkeys(
    ("seconds of video", "seconds to make", "processor seconds", "times real time", "r", "lag, ms")
)


def main() -> None:
    """Measure and report."""
    arguments = _parse()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for photo in arguments.photos:
            for voice in arguments.voices:
                request = VideoRequest(max_duration_sec=arguments.seconds, seed=1, aspect=arguments.aspect)
                measured = _measure(request, {"image": photo, "audio": voice}, folder)
                rows.append({"photo": photo.stem, "voice": voice.stem, **measured})
    write_report("Previews", find_device("cpu"), rows, arguments.output)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--voices", nargs="+", type=Path, required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--aspect", default="16:9")
    parser.add_argument("--keep", type=Path, help="Folder that keeps the videos.")
    parser.add_argument("--output", type=Path, help="JSON file")
    return parser.parse_args()


def _measure(request: VideoRequest, inputs: Inputs, folder: Path) -> Row:
    output = folder / f"{inputs['image'].stem}_{inputs['audio'].stem}.mp4"
    started = time.process_time()
    try:
        result = make_video(request, inputs, create_engine("preview", EngineSettings()), output, lambda _: None)
    except InputError as error:
        return {**NOTHING, "said": error.notice.code}
    processor_seconds = time.process_time() - started
    speech = load_speech(inputs["audio"], 0.0, request.max_duration_sec)
    sync = measure_sync(_read_frames(output), speech.waveform)
    return {
        "seconds of video": result.speech_seconds,
        "seconds to make": result.compute_seconds,
        "processor seconds": processor_seconds,
        "times real time": result.speech_seconds / result.compute_seconds,
        "r": sync.correlation,
        "lag, ms": sync.lag_milliseconds,
        "said": ", ".join(notice.code for notice in result.notices),
    }


def _read_frames(path: Path) -> Pixels:
    with av.open(str(path)) as video:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])


if __name__ == "__main__":
    main()
