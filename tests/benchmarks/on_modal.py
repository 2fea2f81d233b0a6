"""A benchmark, or the tests that need a GPU, on a GPU of your Modal account; paid for by the second.

    VIDEO_LAB_MODAL_GPU=A100-80GB modal run -m tests.benchmarks.on_modal --options "--resolution 480p"
    modal run -m tests.benchmarks.on_modal --module tests.benchmarks.window --options "--precision int8"
    modal run -m tests.benchmarks.on_modal --module pytest --options tests/pipeline/infinitetalk/test_gpu.py

It runs on the first kind of GPU of the deployment's settings, with the packages that are deployed there.
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import modal

from app.terminal import say
from deploy import GIGABYTES, HERE, MINUTES, SETTINGS, add_sources, gpu_base, install

app = modal.App(f"{SETTINGS.app}-benchmarks")
image = add_sources(install(gpu_base, "dev.txt")).add_local_python_source("deploy", "tests")


@app.function(
    image=image,
    gpu=SETTINGS.gpus[0],
    cpu=4,
    memory=SETTINGS.gpu_memory_gb * GIGABYTES,
    timeout=60 * MINUTES,
    region=SETTINGS.region or None,
)
def run(module: str, options: list[str]) -> tuple[int, str]:
    """Run a Python module. Returns its exit status, and a benchmark's figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        asked = ["--output", str(report)] if module.startswith("tests.benchmarks.") else []
        command = [sys.executable, "-m", module, *options, *asked]
        status = subprocess.run(command, cwd=HERE, check=False).returncode
        return status, report.read_text() if report.exists() else ""


@app.local_entrypoint()
def main(module: str = "tests.benchmarks.denoise", options: str = "", output: str = "benchmark.json") -> None:
    """Run a benchmark and write its figures to a file."""
    status, figures = run.remote(module, shlex.split(options))
    if figures:
        Path(output).write_text(figures)
        say(f"The figures are in {output}.")
    sys.exit(status)
