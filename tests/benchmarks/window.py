"""One whole window: condition, denoise, decode, match colours, hand on, write; what each part takes.

`python -m tests.benchmarks.window --steps 4 --passes 1`; on a CPU `--layers 1 --frames 5 --size 64x64 --steps 1`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from pipeline.diffusion.attention import AttentionShape, set_attention
from pipeline.diffusion.clips import MOTION_FRAMES
from pipeline.diffusion.color import match_colors
from pipeline.diffusion.decoding import decode_latents, halve_decoder
from pipeline.diffusion.flops import count_tokens
from pipeline.diffusion.guidance import GuidanceScales
from pipeline.diffusion.latents import encode_frames, order_for_gpu, photo_condition, tensor_to_frames
from pipeline.infinitetalk.compilation import compile_transformer
from pipeline.infinitetalk.sampler import ClipInputs, SamplerSettings, denoise
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, FrameSize, SoundTrack
from pipeline.video import VideoWriter
from pipeline.weights.quantization import PRECISIONS, quantize_blocks
from tests.benchmarks.models import DTYPES, make_context, make_transformer, make_vae
from tests.benchmarks.report import Row, find_device, read_peak_gib, write_report

SCALES = {1: GuidanceScales(1.0, 1.0), 2: GuidanceScales(1.0, 2.0), 3: GuidanceScales(5.0, 4.0)}
HEADS, HEAD_DIM = 40, 128
CONDITION, WRITE = "condition, once a job", "write, beside the next window"


def main() -> None:
    """Read the command line, run a window twice and report the second."""
    arguments = read_arguments()
    device = find_device(arguments.device)
    window = Window(arguments, device)
    list(window.run())
    rows = list(window.run())
    seconds = sum(float(row["seconds"]) for row in rows if row["part"] not in {CONDITION, WRITE})
    rows.append({"part": "a later window", "seconds": seconds, "s of compute per s of video": window.relate(seconds)})
    title = f"{arguments.frames} frames, {arguments.steps} steps, {arguments.passes} passes, {arguments.precision}"
    write_report(f"{title}, peak {read_peak_gib(device):.1f} GiB", device, rows, arguments.output)


def read_arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--layers", type=int, default=40)
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--size", default="640x640", help="width x height")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--passes", type=int, choices=SCALES, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--compile", choices=["no", "yes"], default="yes")
    parser.add_argument("--output", type=Path, help="JSON file")
    return parser.parse_args()


class Window:
    """The models and what they are given.

    Args:
        arguments: The command line.
        device: Where to run.
    """

    def __init__(self, arguments: argparse.Namespace, device: torch.device) -> None:
        width, height = map(int, arguments.size.split("x"))
        self.arguments, self.device, self.size = arguments, device, FrameSize(width, height)
        self.vae = make_vae(device, torch.float32)
        if device.type == "cuda":
            order_for_gpu(self.vae)
            halve_decoder(self.vae)
        self.transformer = self._make_transformer()
        self.photo = torch.rand(1, 3, 1, height, width, device=device) * 2 - 1

    def _make_transformer(self) -> InfiniteTalkTransformer3DModel:
        arguments, device = self.arguments, self.device
        transformer = make_transformer(arguments.layers, device, DTYPES[device.type])
        quantize_blocks(transformer.blocks, arguments.precision, device)
        shape = AttentionShape(count_tokens(self.size, arguments.frames), HEADS, HEAD_DIM)
        set_attention(transformer, arguments.attention, shape, device, DTYPES[device.type])
        if arguments.compile == "yes":
            compile_transformer(transformer, device)
        return transformer

    @torch.no_grad()
    def run(self) -> Iterator[Row]:
        """Make one window, and yield what each part took."""
        condition, row = self._time(CONDITION, lambda: photo_condition(self.vae, self.photo, self.arguments.frames))
        yield row
        latents, row = self._time("denoise", lambda: self._denoise(condition))
        yield row
        frames, row = self._time("decode", lambda: decode_latents(self.vae, latents))
        yield row
        frames, row = self._time("match colours", lambda: match_colors(frames, self.photo, 1.0))
        yield row
        yield self._time("hand on", lambda: encode_frames(self.vae, frames[:, :, -MOTION_FRAMES:]))[1]
        yield self._time(WRITE, lambda: self._write(frames))[1]

    def _denoise(self, condition: torch.Tensor) -> torch.Tensor:
        scales = SCALES[self.arguments.passes]
        context = make_context(self.arguments.frames, self.device, DTYPES[self.device.type])
        clip = ClipInputs(condition[:, 4:, :1], condition, dict.fromkeys(scales.branches, context))
        noise = torch.randn_like(condition[:, 4:])
        settings = SamplerSettings(scales, self.arguments.steps, shift=2.0)
        return denoise(self.transformer, noise, clip, settings, report_nothing)

    def _write(self, frames: torch.Tensor) -> None:
        silence = np.zeros((1, SPEECH_SAMPLING_RATE), np.float32)
        track = SoundTrack(SPEECH_SAMPLING_RATE, 1, iter([silence]))
        with (
            tempfile.TemporaryDirectory() as folder,
            VideoWriter(Path(folder) / "window.mp4", self.size, track, {}) as writer,
        ):
            writer.write(tensor_to_frames(frames))

    def _time(self, part: str, call: Callable[[], torch.Tensor | None]) -> tuple[torch.Tensor, Row]:
        self._wait()
        started = time.perf_counter()
        result = call()
        self._wait()
        seconds = time.perf_counter() - started
        return result, {"part": part, "seconds": seconds, "s of compute per s of video": self.relate(seconds)}

    def relate(self, seconds: float) -> float:
        """Return the compute seconds for a second of video; a later window brings 9 frames fewer than it has."""
        new_frames = max(self.arguments.frames - MOTION_FRAMES, 1)
        return seconds * FRAME_RATE / new_frames

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def report_nothing(step: int) -> None:
    """Take progress."""


if __name__ == "__main__":
    main()
