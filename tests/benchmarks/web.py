"""What one web process holds: pollers, event streams and uploads, in its own processor seconds.

`python -m tests.benchmarks.web`. Processor time of the server counts, so that neither other processes nor this one do.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import psutil

from tests.app.server import Server

ASSETS = Path(__file__).parents[2] / "assets"
PHOTO = ASSETS / "photos/grace_hopper.jpg"
VOICE = ASSETS / "voices/joe.wav"
MIB = 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polls", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--uploads", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "data", page="off") as server:
        asyncio.run(measure(server, arguments))


async def measure(server: Server, arguments: argparse.Namespace) -> None:
    """Print what each kind of request costs."""
    process = psutil.Process(server.process.pid)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=str(server.client.base_url), timeout=300, limits=limits) as http:
        job = f"/jobs/{await submit(http)}"

        async def poll() -> None:
            (await http.get(job)).raise_for_status()

        async def upload() -> None:
            (await http.post("/face-crop", files={"image": PHOTO.read_bytes()})).raise_for_status()

        await repeat(poll, 200, 16)
        await repeat(upload, 2, 1)
        for name, step, number, at_once in (
            ("GET /jobs/{id}", poll, arguments.polls, 32),
            ("POST /face-crop", upload, arguments.uploads, 4),
        ):
            before = count_seconds(process)
            await repeat(step, number, at_once)
            own, others = (
                1000 * (after - was) / number for after, was in zip(count_seconds(process), before, strict=True)
            )
            say(f"{name}: {own:.2f} ms of the web process, {others:.1f} ms of decoders; {1000 / own:.0f}/s a core")
        await measure_streams(http, process, arguments.streams)


async def measure_streams(http: httpx.AsyncClient, process: psutil.Process, number: int) -> None:
    """Print what it costs that many follow one preview from its beginning to its end."""
    memory, before = process.memory_info().rss, count_seconds(process)
    job_id = await submit(http, max_duration_sec=10)
    counted = await asyncio.gather(*(follow(http, job_id, process) for _ in range(number)))
    num_events, most = sum(one for one, _ in counted), max(peak for _, peak in counted)
    own = count_seconds(process)[0] - before[0]
    say(
        f"{number} event streams: {num_events} events, {1000 * own / num_events:.2f} ms each; "
        f"{(most - memory) / number / MIB:.2f} MiB a stream"
    )


async def follow(http: httpx.AsyncClient, job_id: str, process: psutil.Process) -> tuple[int, int]:
    """Follow the job to its end; returns the number of events, and the server's memory meanwhile."""
    number = peak = 0
    async with http.stream("GET", f"/jobs/{job_id}/events") as events:
        async for line in events.aiter_lines():
            number += line.startswith("data: ")
            peak = max(peak, process.memory_info().rss) if number % 5 == 1 else peak
    return number, peak


async def submit(http: httpx.AsyncClient, **fields: object) -> str:
    """Ask for a preview; returns the job's id."""
    files = {"image": PHOTO.read_bytes(), "audio": VOICE.read_bytes()}
    answer = await http.post("/jobs", files=files, data={"profile": "preview"} | fields)
    job_id: str = answer.raise_for_status().json()["job_id"]
    return job_id


async def repeat(step: Callable[[], Awaitable[None]], number: int, at_once: int) -> None:
    """Do a step again and again, some at a time."""
    left = iter(range(number))

    async def work() -> None:
        for _ in left:
            await step()

    await asyncio.gather(*(work() for _ in range(at_once)))


def count_seconds(process: psutil.Process) -> tuple[float, float]:
    """Return the processor seconds of the server itself, and of all that it started."""
    others = [child.cpu_times() for child in process.children(recursive=True)]
    own = process.cpu_times()
    ended = own.children_user + own.children_system
    return own.user + own.system, ended + sum(one.user + one.system for one in others)


def say(text: str) -> None:
    """Print a line immediately."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
