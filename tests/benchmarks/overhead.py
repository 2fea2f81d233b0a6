"""One forward with audio beside diffusers' own Wan forward without, at the same size: what hearing costs.

`python -m tests.benchmarks.overhead`. Processor time of one thread counts, so that other processes do not.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.types import FrameSize
from tests.benchmarks.models import make_context, make_latents, make_narrow, make_wan
from tests.benchmarks.report import write_report

SIZE = FrameSize(832, 480)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--frames", type=int, default=21, help="21 are 9,360 tokens")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="JSON file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    medians = measure(arguments, device)
    baseline = medians["diffusers' Wan, no audio"]
    rows = [{"forward": name, "CPU seconds": value, "ratio": value / baseline} for name, value in medians.items()]
    write_report(
        f"{arguments.layers} layers, {arguments.width} wide, {arguments.frames} frames", device, rows, arguments.output
    )


@torch.no_grad()
def measure(arguments: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Return the median of each forward; the rounds take turns."""
    size, dtype = (arguments.layers, arguments.width, device, torch.float32), torch.float32
    wan, ours = make_wan(*size), make_narrow(*size)
    latents = make_latents(SIZE, arguments.frames, device, dtype)
    timestep = torch.full((1,), 500.0)
    text, image = torch.randn(1, 512, 4096), torch.randn(1, 257, 1280)
    known = make_context(arguments.frames, device, dtype)
    ours(latents[:, :, :1], timestep, make_context(1, device, dtype))
    forwards: dict[str, Callable[[], object]] = {
        "diffusers' Wan, no audio": lambda: wan(latents, timestep, text, image),
        "ours, a clip's first": lambda: ours(latents, timestep, make_context(arguments.frames, device, dtype)),
        "ours, every later": lambda: ours(latents, timestep, known),
    }
    durations: dict[str, list[float]] = {name: [] for name in forwards}
    for _ in range(arguments.rounds):
        for name, forward in forwards.items():
            durations[name].append(measure_cpu_seconds(forward))
    # The first of them projects the contexts, too.
    durations["ours, every later"] = durations["ours, every later"][1:] or durations["ours, every later"]
    return {name: statistics.median(values) for name, values in durations.items()}


def measure_cpu_seconds(call: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


if __name__ == "__main__":
    main()
