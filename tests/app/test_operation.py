"""What whoever runs the server sees of it: whether it takes work, its log, and how it stops."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.doctor.visit import NotToBeHadError, Visit
from tests.app.server import Server, make_environment


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "data", page="off", drain_seconds=60, log_format="json") as server:
        yield server


def test_a_server_that_is_told_to_stop_lets_its_jobs_end_and_says_so(
    server: Server, photo: bytes, voice: bytes
) -> None:
    assert server.client.get("/ready").json() == {"ready": True, "obstacles": []}
    job, waiting = (server.submit(photo, voice)["job_id"] for _ in range(2))
    server.wait_for(job, "running")
    server.process.send_signal(signal.SIGTERM)
    server.wait_until(lambda: server.client.get("/ready").status_code == 503)
    assert server.client.get("/ready").json() == {"ready": False, "obstacles": ["The server is stopping."]}
    assert "The server is stopping" in " ".join(server.client.get("/health").json()["troubles"])
    refused = server.client.post("/jobs", files={"image": photo, "audio": b"x"})
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    assert server.process.wait(60) == 0
    statuses = {
        one: json.loads((server.data_dir / "jobs" / one / "job.json").read_text())["status"] for one in (job, waiting)
    }
    assert statuses == {job: "done", waiting: "queued"}
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert sum(line["message"].startswith("Stopping: jobs that run (1) have up to 60 seconds") for line in lines) == 1
    [answered] = [line for line in lines if line.get("status") == 503 and line.get("route") == "/jobs"]
    assert answered["request"] == refused.headers["x-request-id"]
    assert {line["job"] for line in lines if "job" in line} >= {job[:6], waiting[:6]}


def run_app(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the app on the machine of the server."""
    environment = make_environment(server.data_dir)
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_doctor_asks_a_deployment_all_that_it_answers(server: Server) -> None:
    address = str(server.client.base_url)
    with pytest.raises(NotToBeHadError, match="Anybody may use this server"):
        Visit(server.client, "preview").ask_for_list("GET /jobs")
    made = run_app(server, "keys", "create", "Doctor")
    key = next(word for word in made.stdout.split() if word.startswith("vl_"))
    called_on = run_app(server, "doctor", "--url", address, "--key", key)
    *lines, last = called_on.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    num_operations = sum(
        map(len, server.client.get("/openapi.json", headers={"X-API-Key": key}).json()["paths"].values())
    )
    assert lines[-1] == f"ok     routes: All {num_operations} were asked."
    assert (called_on.returncode, last) == (0, f"{len(lines)} well, 0 to note, 0 faults.")
    assert server.client.get("/health").json()["jobs_running"] == 0
    strange = run_app(server, "doctor", "--url", address)
    faults = [line for line in strange.stdout.splitlines() if line.startswith("FAULT")]
    assert (strange.returncode, len(faults), "set VIDEO_LAB_KEY" in faults[0]) == (1, 1, True)
