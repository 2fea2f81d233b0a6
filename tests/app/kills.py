"""Kills servers and workers while they make videos, and sees that none is lost.

    python -m tests.app.kills [--jobs 50] [--kills 10] [--workers 2] [--seed 1] [--hang]

Each kind of accident comes in turn, spread over the whole work; with `--hang`, workers are also stopped, each of which
takes a minute to be noticed. It fails where a job is lost, has failed, or where one seed made two videos.
"""

import argparse
import hashlib
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import psutil

from tests.app.conftest import cut_voice
from tests.app.server import ENDED, Server

NUM_SEEDS = 3
PHOTO = Path("assets/photos/grace_hopper.jpg")


class Chaos:
    """A server that has accidents.

    Args:
        folder: Of its data.
        workers: How many jobs it runs at the same time.
        seed: Of the choice of victims.
    """

    def __init__(self, folder: Path, workers: int = 1, seed: int = 1) -> None:
        self._folder = folder
        self._workers = workers
        self._random = Random(seed)
        self.accidents: list[str] = []
        self.server = self._start()

    def _start(self) -> Server:
        same = {"content_credentials": "off", "watermark": "off"}  # both differ from job to job
        server = Server(self._folder / "data", page="off", live="off", workers=self._workers, **same)
        server.wait_until_healthy()
        return server

    def submit(self, num_jobs: int) -> list[str]:
        """Put jobs into the queue; every third has the same seed."""
        photo, voice = PHOTO.read_bytes(), cut_voice(1.2)
        return [self.server.submit(photo, voice, seed=n % NUM_SEEDS)["job_id"] for n in range(num_jobs)]

    def end(self) -> None:
        """End the server as a power cut would."""
        self.server.kill()
        self.server.client.close()

    def kill_server(self) -> None:
        """End the server as a power cut would, and start the next one."""
        self.end()
        self.server = self._start()

    def stop_server(self) -> None:
        """Ask the server to stop, and start the next one."""
        self.server.stop()
        self.server.client.close()
        self.server = self._start()

    def fill_disk_and_kill_server(self) -> None:
        """Let the records of what runs find no room, and end the server when some of it is done."""
        for job_id in self._find("running"):
            with suppress(FileExistsError):
                (self._folder / "data/jobs" / job_id / "job.json.part").symlink_to("/dev/full")
        self._wait_for_one_more()
        self.kill_server()

    def kill_worker(self) -> None:
        """End a worker as the system does where memory runs out."""
        self._send_to_worker(signal.SIGKILL)

    def crash_worker(self) -> None:
        """End a worker as a mistake in a library does."""
        self._send_to_worker(signal.SIGSEGV)

    def hang_worker(self) -> None:
        """Let a worker do nothing any more, for ever."""
        self._send_to_worker(signal.SIGSTOP)

    def have(self, accident: Callable[[], None]) -> None:
        """Have the accident, in the middle of a run."""
        self.server.wait_until(lambda: self.server.client.get("/health").json()["jobs_running"] > 0)
        time.sleep(self._random.uniform(0.0, 1.5))  # of a run that takes two seconds and more
        accident()
        self.accidents.append(accident.__name__)

    def wait_for_done(self, job_ids: list[str], number: int) -> None:
        """Return once so many of the jobs have ended."""
        self.server.wait_until(lambda: sum(self._status(job) in ENDED for job in job_ids) >= number, 600)

    def show(self, job_id: str) -> dict[str, Any]:
        """Return the job's state."""
        return self.server.show(job_id)

    def hash_video(self, job_id: str) -> str:
        """Return what tells the job's video from any other."""
        answer = self.server.client.get(f"/jobs/{job_id}/video")
        return hashlib.sha256(answer.raise_for_status().content).hexdigest()

    def _send_to_worker(self, number: signal.Signals) -> None:
        victims = self.server.find_workers()
        with suppress(psutil.NoSuchProcess, IndexError):
            self._random.choice(victims).send_signal(number)

    def _wait_for_one_more(self) -> None:
        before = len(self._find("done"))
        self.server.wait_until(lambda: len(self._find("done")) > before or not self._find("running"))

    def _find(self, status: str) -> list[str]:
        folders = (self._folder / "data/jobs").iterdir()
        return [folder.name for folder in folders if self._status(folder.name) == status]

    def _status(self, job_id: str) -> str:
        answer = self.server.client.get(f"/jobs/{job_id}")
        return str(answer.json().get("status")) if answer.status_code == 200 else "unknown"


def run(folder: Path, num_jobs: int, num_kills: int, *, workers: int, seed: int, hang: bool) -> list[str]:
    """Make videos with accidents, and return what went wrong; nothing if all is well."""
    chaos = Chaos(folder, workers, seed)
    accidents = [chaos.kill_server, chaos.kill_worker, chaos.stop_server, chaos.crash_worker]
    accidents += [chaos.fill_disk_and_kill_server] + ([chaos.hang_worker] if hang else [])
    try:
        jobs = chaos.submit(num_jobs)
        for number in range(num_kills):
            chaos.wait_for_done(jobs, number * num_jobs // (num_kills + 1))
            chaos.have(accidents[number % len(accidents)])
        chaos.wait_for_done(jobs, num_jobs)
        shown = [chaos.show(job) for job in jobs]
        wrong = [
            f"job {n} is {job['status']}: {job['error']}" for n, job in enumerate(shown) if job["status"] != "done"
        ]
        videos: dict[int, set[str]] = {}
        for job in shown:
            if job["status"] == "done":
                videos.setdefault(job["metadata"]["seed"], set()).add(chaos.hash_video(job["job_id"]))
        wrong += [f"seed {seed} made {len(hashes)} videos" for seed, hashes in videos.items() if len(hashes) > 1]
        return wrong
    finally:
        chaos.end()
        sys.stdout.write(f"{num_jobs} jobs, {len(chaos.accidents)} accidents: {', '.join(chaos.accidents)}\n")


def main() -> int:
    """Do as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("jobs", 50), ("kills", 10), ("workers", 2), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--hang", action="store_true")
    asked = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wrong = run(Path(folder), asked.jobs, asked.kills, workers=asked.workers, seed=asked.seed, hang=asked.hang)
    sys.stdout.write("\n".join([*wrong, f"{time.monotonic() - started:.0f} s, {len(wrong)} wrong\n"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
