"""How a server does that keeps ten thousand jobs: requests a second, and the processor's time of each.

Run `python -m tests.benchmarks.kept_jobs [FOLDER]`.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from app.records import STATUSES, JobRecord, JobResult
from app.storage import JobFolder, make_id
from pipeline.request import VideoRequest
from tests.app.server import Server

NUM_JOBS, NUM_REQUESTS = 10_000, 300
RESULT = JobResult(num_frames=100, speech_seconds=4, compute_seconds=9, width=8, height=8, frame_rate=25, seed=1)


def write_jobs(data: Path) -> list[str]:
    """Write the records of jobs that have ended: nine of ten are done."""
    now = datetime.now(UTC)
    ids = [make_id() for _ in range(NUM_JOBS)]
    for number, job_id in enumerate(ids):
        folder = data / "jobs" / job_id
        folder.mkdir(parents=True)
        status = "done" if number % 10 else STATUSES[-1]
        record = JobRecord(
            id=job_id,
            status=status,
            model="preview",
            request=VideoRequest(profile="preview", prompt="Somebody talks."),
            reference=f"row {number}",
            owner=f"k{number % 3}",
            created_at=now - timedelta(seconds=number),
            finished_at=now,
            expires_at=now + timedelta(hours=24),
            speech_seconds=4,
            result=RESULT if status == "done" else None,
        )
        JobFolder(folder).path.joinpath("job.json").write_text(record.model_dump_json())
    return ids


def measure(server: Server, process: psutil.Process, path: str, number: int = NUM_REQUESTS) -> str:
    """Return the requests a second of one client, and the milliseconds of the server's processor for each."""
    costs = []
    began_at = time.monotonic()
    for _ in range(number):
        before = sum(process.cpu_times()[:2])
        server.client.get(path).raise_for_status()
        costs.append(1000 * (sum(process.cpu_times()[:2]) - before))
    costs.sort()
    rate = number / (time.monotonic() - began_at)
    mean, slow = sum(costs) / number, costs[int(0.99 * number)]
    return f"{path[:40]:40} {rate:6.0f} requests/s, {mean:6.2f} ms of processor time on average, {slow:.0f} ms at p99"


def main(folder: Path) -> None:
    data = folder / "data"
    ids = write_jobs(data)
    settings = {"page": "off", "live": "off", "password": "long enough", "content_credentials": "off"}
    with Server(data, **settings) as server:
        process = psutil.Process(server.process.pid)
        time.sleep(10)  # the first sweep
        lines = [f"{process.memory_info().rss / 1e6:.0f} MB of memory with {NUM_JOBS} jobs"]
        lines += [measure(server, process, f"/jobs/{ids[5000]}", 1000)]
        for query in ("", "?limit=100", "?reference=row+9999", "?status=queued", "?status=failed&limit=100"):
            lines += [measure(server, process, f"/jobs{query}")]
        cursor = server.client.get("/jobs?limit=100").json()["next_cursor"]
        lines += [measure(server, process, f"/jobs?limit=100&cursor={cursor}"), measure(server, process, "/usage")]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
