"""One forward pass of the 14B transformer whose weights wait in CPU memory, beside one whose weights are on the device.

`python -m tests.benchmarks.offload --layers 10`; the weights of a layer move while the layer before computes.
"""

import argparse
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from pipeline.diffusion.attention import AttentionShape, measure_seconds, set_attention
from pipeline.diffusion.flops import count_tokens
from pipeline.diffusion.memory import OFFLOADED
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from pipeline.types import FrameSize
from pipeline.weights.offloading import bring_back, offload
from pipeline.weights.quantization import PRECISIONS, quantize_blocks
from tests.benchmarks.models import DTYPES, make_context, make_latents, make_transformer
from tests.benchmarks.report import Row, find_device, read_peak_gib, reset_peak_memory, write_report

HOST = torch.device("cpu")


def main() -> None:
    """Read the command line, measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--layers", type=int, default=40, help="of 40")
    parser.add_argument("--frames", type=int, default=81)
    parser.add_argument("--size", default="640x640", help="width x height")
    parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--attention", default="auto")
    parser.add_argument("--output", type=Path, help="JSON file")
    arguments = parser.parse_args()
    device = find_device(arguments.device)
    rows = []
    for row in measure_all(arguments, device):
        rows.append(row)
        sys.stderr.write(f"{row}\n")
    title = f"One pass, {arguments.layers} of 40 layers, {arguments.frames} frames of {arguments.size}"
    write_report(title, device, rows, arguments.output)


@torch.no_grad()
def measure_all(arguments: argparse.Namespace, device: torch.device) -> Iterator[Row]:
    """Measure each precision, waiting and at hand."""
    width, height = map(int, arguments.size.split("x"))
    size = FrameSize(width, height)
    for precision in arguments.precision:
        transformer = make_transformer(arguments.layers, device, DTYPES[device.type]).to(HOST)
        quantize_blocks(transformer.blocks, precision, device)
        shape = AttentionShape(count_tokens(size, arguments.frames), 40, 128)
        set_attention(transformer, arguments.attention, shape, device, DTYPES[device.type])
        offload(transformer, OFFLOADED["transformer"], device)
        yield {"precision": precision, "weights": "wait"} | measure(transformer, size, arguments.frames, device)
        bring_back(transformer, device)
        yield {"precision": precision, "weights": "at hand"} | measure(transformer, size, arguments.frames, device)
        del transformer
        gc.collect()


def measure(transformer: InfiniteTalkTransformer3DModel, size: FrameSize, num_frames: int, device: torch.device) -> Row:
    """Measure a pass, after one that projects the contexts and learns the order of the layers."""
    dtype = DTYPES[device.type]
    latents, context = make_latents(size, num_frames, device, dtype), make_context(num_frames, device, dtype)
    timestep = torch.full((1,), 500.0, device=device)
    reset_peak_memory(device)
    transformer(latents, timestep, context)
    seconds = measure_seconds(lambda: transformer(latents, timestep, context), device)
    return {"s/pass": seconds, "peak GiB": read_peak_gib(device)}


if __name__ == "__main__":
    main()
