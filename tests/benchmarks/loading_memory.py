"""How much memory preparing and loading weights takes: `python -m tests.benchmarks.loading_memory GIGABYTES`.

A stack of plain layers stands in for the model: its weights are written in shards as fp32, prepared as bf16 and loaded.
Each step runs in a process of its own, forked from one that has the libraries. Prints, in MB, what Python and its
libraries take, the peak beyond that, and how large the model and a shard are.
"""

import json
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from pipeline.weights.loading import Component, ComponentSpec, load_component
from pipeline.weights.prepare import write_component

WIDTH, HEIGHT = 2048, 4096
LAYER_BYTES = 4 * WIDTH * HEIGHT
NUM_SHARDS = 8
MEGABYTE = 1_000_000


def build(config: dict[str, int]) -> nn.Module:
    """Make a stack of layers."""
    return nn.Sequential(*(nn.Linear(WIDTH, HEIGHT, bias=False) for _ in range(config["num_layers"])))


STACK = ComponentSpec("stack", build, torch.bfloat16)


def find_component(folder: Path) -> Component:
    """Open the stack in a folder."""
    config = json.loads((folder / "config.json").read_text())
    return Component(STACK, config, tuple(sorted(folder.glob("*.safetensors"))))


def write_source(folder: Path, gigabytes: float) -> None:
    """Write fp32 weights, shard by shard."""
    folder.mkdir()
    layers_in_shard = max(1, round(gigabytes * 1e9 / LAYER_BYTES / NUM_SHARDS))
    (folder / "config.json").write_text(json.dumps({"num_layers": NUM_SHARDS * layers_in_shard}))
    for index in range(NUM_SHARDS):
        names = range(index * layers_in_shard, (index + 1) * layers_in_shard)
        save_file(
            {f"{name}.weight": torch.full((HEIGHT, WIDTH), 0.5) for name in names}, folder / f"{index}.safetensors"
        )


def read_kilobytes(key: str) -> int:
    """Return a line of this process's memory: `VmHWM` is its peak, `RssAnon` what is its own now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def run_step(step: str, folder: Path) -> dict[str, float]:
    """Run one step here, and measure it."""
    before = read_kilobytes("VmHWM")
    if step == "prepare":
        shard_bytes = LAYER_BYTES * len(list((folder / "source").glob("*.safetensors"))) // 4
        write_component(find_component(folder / "source"), folder / "prepared", shard_bytes, lambda *_: None)
    else:
        load_component(find_component(folder / "prepared"), torch.device("cpu"), lambda _: None)
    peak = read_kilobytes("VmHWM")
    size = find_component(folder / "prepared").count_bytes()
    shard = max(path.stat().st_size for path in (folder / "prepared").glob("*.safetensors"))
    return {
        "libraries": before * 1024 / MEGABYTE,
        "peak": (peak - before) * 1024 / MEGABYTE,
        "model": size / MEGABYTE,
        "shard": shard / MEGABYTE,
    }


def run_steps(folder: Path) -> dict[str, dict[str, float]]:
    """Run both steps, and measure them."""
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        return {step: pool.apply(run_step, (step, folder)) for step in ("prepare", "load")}


def measure(gigabytes: float) -> dict[str, dict[str, float]]:
    """Measure both steps, away from what this process has in its memory."""
    with tempfile.TemporaryDirectory() as name:
        write_source(Path(name) / "source", gigabytes)
        command = [sys.executable, "-m", "tests.benchmarks.loading_memory", "--folder", name]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # our own command
        measured: dict[str, dict[str, float]] = json.loads(output.splitlines()[-1])
        return measured


if __name__ == "__main__":
    is_inner = sys.argv[1] == "--folder"
    result = run_steps(Path(sys.argv[2])) if is_inner else measure(float(sys.argv[1]))
    sys.stdout.write(f"{json.dumps(result)}\n")
