"""One forward pass of the 14B transformer: seconds, TFLOP/s and memory for each choice of attention and precision.

`python -m tests.benchmarks.denoise --output denoise.json`; on a CPU `--layers 1 --frames 1 --resolution 480p`.
"""

import argparse
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch

from pipeline.diffusion.attention import (
    CUDA_BACKENDS,
    TORCH_BACKEND,
    AttentionShape,
    measure_backends,
    measure_seconds,
    set_attention,
)
from pipeline.diffusion.flops import TransformerSize, count_forward_flops, count_people_flops, count_tokens
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.types import FrameSize
from pipeline.weights.quantization import PRECISIONS, Precision, quantize_blocks
from tests.benchmarks.models import DTYPES, make_context, make_latents, make_transformer
from tests.benchmarks.report import Row, find_device, read_peak_gib, reset_peak_memory, write_report

SHAPE = AttentionShape(1024, 40, 128)
SIZES = {"480p": FrameSize(640, 640), "720p": FrameSize(960, 960)}
# What a large product of matrices reaches in bf16: the data sheet's on an A100, measured on an H100 and an H200.
FLOPS = {"A100": 312e12, "H100": 800e12, "H200": 800e12}


@dataclass(frozen=True)
class Choice:
    """One way to compute a pass."""

    resolution: str
    precision: Precision
    attention: str
    compiled: bool


def main() -> None:
    """Read the command line, measure every choice and report."""
    arguments = read_arguments()
    device = find_device(arguments.device)
    rows = []
    for row in measure_all(arguments, device):
        rows.append(row)
        sys.stderr.write(f"{row}\n")
    title = f"One pass, {arguments.layers} of 40 layers, {arguments.frames} frames, weights at random"
    write_report(title, device, rows, arguments.output)


def read_arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--layers", type=int, default=40, help="of 40; fewer for a CPU")
    parser.add_argument("--frames", type=int, default=81, help="video frames of the clip, 4n + 1")
    parser.add_argument("--resolution", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--attention", nargs="+", help="names in diffusers; all that run here")
    parser.add_argument("--compile", nargs="+", choices=["no", "yes"], default=["no", "yes"])
    parser.add_argument("--people", type=int, choices=[1, 2], default=1, help="in the picture, with a voice each")
    parser.add_argument("--runs", type=int, default=3, help="the fastest counts")
    parser.add_argument("--output", type=Path, help="JSON file")
    return parser.parse_args()


@torch.no_grad()
def measure_all(arguments: argparse.Namespace, device: torch.device) -> Iterator[Row]:
    """Measure every choice; the weights are made anew for each precision and compilation."""
    attentions = arguments.attention or find_attentions(device)
    for precision, compiled in product(arguments.precision, arguments.compile):
        transformer = make_transformer(arguments.layers, device, DTYPES[device.type])
        quantize_blocks(transformer.blocks, precision, device)
        if compiled == "yes":
            transformer.compile_blocks()
        for resolution, attention in product(arguments.resolution, attentions):
            choice = Choice(resolution, precision, attention, compiled == "yes")
            yield measure(transformer, choice, arguments, device)
        del transformer
        gc.collect()


def find_attentions(device: torch.device) -> list[str]:
    """Return the attentions that run here."""
    backends = (TORCH_BACKEND, *(CUDA_BACKENDS if device.type == "cuda" else ()))
    measurements = measure_backends(backends, SHAPE, device, DTYPES[device.type])
    return [measurement.backend for measurement in measurements]


def measure(
    transformer: InfiniteTalkTransformer3DModel, choice: Choice, arguments: argparse.Namespace, device: torch.device
) -> Row:
    """Measure one choice, after a pass that compiles and projects the contexts."""
    size = SIZES[choice.resolution]
    dtype = DTYPES[device.type]
    set_attention(transformer, choice.attention, SHAPE, device, dtype)
    latents = make_latents(size, arguments.frames, device, dtype)
    context = make_context(arguments.frames, device, dtype, num_people=arguments.people)
    timestep = torch.full((1,), 500.0, device=device)
    reset_peak_memory(device)
    transformer(latents, timestep, context)
    seconds = measure_seconds(lambda: transformer(latents, timestep, context), device, arguments.runs)
    num_tokens = count_tokens(size, arguments.frames)
    shape = TransformerSize(num_layers=arguments.layers)
    flops = count_forward_flops(num_tokens, shape)
    if arguments.people == 2:
        flops += count_people_flops(num_tokens, count_tokens(size, 1), shape)
    tflops = flops / 1e12 / seconds
    return {
        "resolution": choice.resolution,
        "tokens": str(num_tokens),
        "precision": "fp32" if choice.precision == "bf16" and device.type == "cpu" else choice.precision,
        "attention": choice.attention,
        "compiled": "yes" if choice.compiled else "no",
        "s/pass": seconds,
        "TFLOP/s": tflops,
        "share of floor": find_share(tflops, device),
        "peak GiB": read_peak_gib(device),
    }


def find_share(tflops: float, device: torch.device) -> float | None:
    """Return the share of what the GPU can sustain in bf16; None where that is not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((1e12 * tflops / flops for gpu, flops in FLOPS.items() if gpu in name), None)


if __name__ == "__main__":
    main()
