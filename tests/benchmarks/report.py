"""Where a benchmark ran, and its figures as a table and as JSON."""

import json
import platform
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

Row = Mapping[str, str | float | None]


def find_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Return the name that the figures are filed under."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {platform.machine()}, {torch.get_num_threads()} threads"


def reset_peak_memory(device: torch.device) -> None:
    """Begin to measure; a process's own memory cannot be reset."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def read_peak_gib(device: torch.device) -> float:
    """Return the most memory held so far: the GPU's, or the process's own."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def write_report(title: str, device: torch.device, rows: Sequence[Row], output: Path | None) -> None:
    """Write the table to the terminal, and everything to `output` as JSON."""
    report = {
        "title": title,
        "device": describe_device(device),
        "date": datetime.now(UTC).date().isoformat(),
        "torch": torch.__version__,
        "rows": rows,
    }
    sys.stdout.write(f"{title}\n{report['device']}, {report['date']}, torch {report['torch']}\n\n{draw_table(rows)}")
    if output is not None:
        output.write_text(json.dumps(report, indent=2) + "\n")


def draw_table(rows: Sequence[Row]) -> str:
    """Return a Markdown table."""
    columns = list(rows[0])
    cells = [columns, *([_format(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    lines.insert(1, "|-" + "-|-".join("-" * width for width in widths))
    return "".join(f"{line} |\n" if index != 1 else f"{line}-|\n" for index, line in enumerate(lines))


def _format(value: str | float | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.3g}"
