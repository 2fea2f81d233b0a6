"""The server as a real process, driven over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

APP = (sys.executable, "-m", "app")
ENDED = {"done", "failed", "cancelled"}


def find_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """Return this process's environment with the settings, and no others."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("VIDEO_LAB_")}
    own = {f"VIDEO_LAB_{name.upper()}": str(value) for name, value in settings.items()}
    return outer | {"VIDEO_LAB_DATA_DIR": str(data_dir)} | own


class Server:
    """A server that listens; as a context it is killed at the end.

    Args:
        data_dir: Its data folder.
        command: What to start.
        settings: In place of the defaults; without a port a free one is taken.
    """

    def __init__(self, data_dir: Path, command: Sequence[str] = APP, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = int(str(settings.pop("port", find_port())))
        self.log = data_dir.with_name(f"{data_dir.name}-{self.port}.log")
        environment = make_environment(data_dir, port=self.port, **settings)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        auth = ("me", str(settings["password"])) if "password" in settings else None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, auth=auth)

    def __enter__(self) -> Self:
        try:
            self.wait_until_healthy()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.client.close()

    def wait_until_healthy(self, timeout_seconds: float = 240) -> None:
        """Return once it answers."""
        ends_at = time.monotonic() + timeout_seconds
        while True:
            try:
                self.client.get("/health").raise_for_status()
            except httpx.TransportError:
                if self.process.poll() is not None or time.monotonic() > ends_at:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def submit(self, photo: bytes, voice: bytes, **fields: object) -> dict[str, Any]:
        """Put a job into the queue."""
        files = {"image": ("me.jpg", photo), "audio": ("me.wav", voice)}
        answer = self.client.post("/jobs", files=files, data={name: str(value) for name, value in fields.items()})
        assert answer.status_code == 202, answer.text
        return self.show(answer.json()["job_id"])

    def show(self, job_id: str) -> dict[str, Any]:
        """Return the job's state."""
        answer = self.client.get(f"/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def wait_for(self, job_id: str, *statuses: str, timeout_seconds: float = 240) -> dict[str, Any]:
        """Return the job once it has one of the statuses, or has ended if none is given."""
        ends_at = time.monotonic() + timeout_seconds
        while (job := self.show(job_id))["status"] not in (statuses or ENDED):
            assert time.monotonic() < ends_at, job
            time.sleep(0.03)
        return job

    def wait_for_frames(self, job_id: str) -> dict[str, Any]:
        """Return the job in the middle of its run."""
        ends_at = time.monotonic() + 240
        while (job := self.wait_for(job_id, "running"))["progress"] is None or job["progress"]["stage"] != "frames":
            assert time.monotonic() < ends_at, job
            time.sleep(0.03)
        return job

    def find_jobs(self) -> set[str]:
        """Return the ids of the jobs that it has taken."""
        ids = {path.name for path in (self.data_dir / "jobs").iterdir()}
        return {job_id for job_id in ids if self.client.get(f"/jobs/{job_id}").status_code == 200}

    def wait_until(self, is_so: Callable[[], bool], timeout_seconds: float = 240) -> None:
        """Return once something is so; fail if the server ends, or it takes too long."""
        ends_at = time.monotonic() + timeout_seconds
        while not is_so():
            assert self.process.poll() is None
            assert time.monotonic() < ends_at
            time.sleep(0.05)

    def find_workers(self) -> list[psutil.Process]:
        """Return the processes that make the videos."""
        return self._find_children("app.jobs.runners.worker")

    def find_decoders(self) -> list[psutil.Process]:
        """Return the processes that open the files."""
        return self._find_children("app.decoding.process")

    def _find_children(self, module: str) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if module in _read_command(child)]


def _read_command(process: psutil.Process) -> list[str]:
    """Return a process's command; one that has just ended has none."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
