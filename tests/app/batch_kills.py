"""Kills a server while it works on a batch, and sees that no video is lost and none is made, and paid for, twice.

    python -m tests.app.batch_kills [--jobs 1000] [--kills 2]

Runs of the quick runner take 0.2 seconds, four at a time, and each is written down when its video is done. It fails
where a job is missing or failed, or where a run that had been written down came again.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.app.conftest import cut_voice
from tests.app.server import ENDED, Server

PHOTO = Path("assets/photos/grace_hopper.jpg")
_LOOK_SECONDS = 0.5
_SIGNED = {"content_credentials": "off", "watermark": "off"}
"""To sign each video takes longer than everything else here."""


class Rig:
    """A server that is killed and started again.

    Args:
        folder: Of its data, and of what the runner writes down.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = self._start()

    def _start(self) -> Server:
        command = (sys.executable, "-m", "tests.app.quick_server", str(self.folder / "runs"))
        server = Server(self.folder / "data", command, page="off", live="off", queue_size=20, **_SIGNED)
        server.wait_until_healthy()
        return server

    def restart(self) -> None:
        """End the server as a power cut would, and start the next one."""
        self.server.kill()
        self.server.client.close()
        self.server = self._start()

    def upload(self, content: bytes) -> str:
        """Send a file once."""
        answer = self.server.client.post("/uploads", files={"file": content})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def submit(self, num_jobs: int) -> dict[str, Any]:
        """Send a batch of one photo and as many voices."""
        defaults = {"image_id": self.upload(PHOTO.read_bytes()), "profile": "balanced"}
        voices = [self.upload(cut_voice(1.0 + number % 7 / 10)) for number in range(min(num_jobs, 20))]
        rows = [{"audio_id": voices[n % len(voices)], "reference": f"row {n}"} for n in range(num_jobs)]
        began_at = time.monotonic()
        answer = self.server.client.post("/batches", json={"defaults": defaults, "jobs": rows}, timeout=300)
        assert answer.status_code == 202, answer.text
        say(f"accepted {num_jobs} jobs in {time.monotonic() - began_at:.1f} s")
        return dict(answer.json())

    def show(self, batch_id: str) -> dict[str, Any]:
        """Return how far the batch is."""
        return dict(self.server.client.get(f"/batches/{batch_id}").json())

    def read_runs(self) -> Counter[str]:
        """Return how often each job's video was made."""
        return Counter((self.folder / "runs").read_text().split())


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def work(rig: Rig, num_jobs: int, num_kills: int) -> None:
    """Have all made, with kills in between, and check what became of them."""
    batch = rig.submit(num_jobs)
    marks = [num_jobs * (number + 1) // (num_kills + 1) for number in range(num_kills)]
    began_at = time.monotonic()
    while set((state := rig.show(batch["batch_id"]))["counts"]) - ENDED:
        if marks and state["counts"].get("done", 0) >= marks[0]:
            say(f"killed at {state['counts']} after {time.monotonic() - began_at:.0f} s")
            marks.pop(0)
            rig.restart()
        time.sleep(_LOOK_SECONDS)
    say(f"{state['counts']} after {time.monotonic() - began_at:.0f} s")
    check(rig, batch, state, num_kills)


def check(rig: Rig, batch: dict[str, Any], state: dict[str, Any], num_kills: int) -> None:
    """Check that all are there, each made once, but for those that the kills met in the middle."""
    asked = [job["job_id"] for job in batch["jobs"]]
    assert [job["job_id"] for job in state["jobs"]] == asked
    assert state["counts"] == {"done": len(asked)}
    runs = rig.read_runs()
    assert set(runs) == set(asked)
    twice = runs.total() - len(asked)
    say(f"{len(asked)} videos, {runs.total()} runs written down, {num_kills} kills")
    assert twice <= 4 * num_kills  # a run is written down just before its end is


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rig = Rig(Path(folder))
        try:
            work(rig, asked.jobs, asked.kills)
        finally:
            rig.server.kill()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    say(f"{used.ru_utime + used.ru_stime:.0f} processor seconds of servers that have ended")


if __name__ == "__main__":
    main()
