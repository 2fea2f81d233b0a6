"""How much memory the encoder of the voice takes: `python -m tests.benchmarks.audio_memory`.

A wav2vec2 of the real size with random weights encodes noise. Each length runs in a process of its own. Prints, in MB,
the model, the features that result and the peak beyond the model.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch
from accelerate import init_empty_weights
from transformers import Wav2Vec2Config, Wav2Vec2Model

from pipeline.diffusion.audio_encoder import encode_speech
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE
from tests.benchmarks.loading_memory import MEGABYTE, read_kilobytes
from tests.benchmarks.models import fill
from tests.benchmarks.report import Row, draw_table

RESET_PEAK = "5"


def main() -> None:
    """Measure each length and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--here", action="store_true", help="in this process, one length")
    arguments = parser.parse_args()
    if arguments.here:
        sys.stdout.write(f"{json.dumps(measure(*arguments.minutes))}\n")
        return
    sys.stdout.write(draw_table([measure_apart(minutes) for minutes in arguments.minutes]))


def measure_apart(minutes: float) -> Row:
    """Measure a length in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.audio_memory", "--here", "--minutes", str(minutes)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # our own command
    row: Row = json.loads(output.splitlines()[-1])
    return row


def measure(minutes: float) -> Row:
    """Encode noise of that length here."""
    with init_empty_weights(include_buffers=False):
        encoder = Wav2Vec2Model(Wav2Vec2Config())
    encoder = fill(encoder, torch.device("cpu"), torch.float32)
    waveform = torch.randn(round(60 * minutes * SPEECH_SAMPLING_RATE))
    num_frames = round(60 * minutes * FRAME_RATE)
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    before = read_kilobytes("VmRSS")
    features = encode_speech(encoder, waveform, num_frames)
    return {
        "minutes": minutes,
        "model": sum(parameter.nbytes for parameter in encoder.parameters()) / MEGABYTE,
        "features": features.nbytes / MEGABYTE,
        "peak beyond the model": (read_kilobytes("VmHWM") - before) * 1024 / MEGABYTE,
    }


if __name__ == "__main__":
    main()
