"""Jobs on a runner that is not this machine's."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.app.conftest import Starter


def test_fifty_jobs_are_done_once_each_though_the_server_is_killed_in_the_middle(
    start_server: Starter, tmp_path: Path, photo: bytes, voice: bytes
) -> None:
    runs = tmp_path / "runs"
    command = (sys.executable, "-m", "tests.app.quick_server", str(runs))
    server = start_server(command=command, content_credentials="off")
    with ThreadPoolExecutor(10) as pool:
        jobs = list(pool.map(lambda _: server.submit(photo, voice, profile="fast")["job_id"], range(50)))
    server.kill()
    before = set(runs.read_text().split())
    server = start_server(command=command, content_credentials="off")
    ended = [server.wait_for(job_id) for job_id in jobs]
    assert {job["status"] for job in ended} == {"done"}
    assert sorted(runs.read_text().split()) == sorted(jobs)
    assert len(before) < 50


def test_previews_run_here_though_there_is_another_runner(
    start_server: Starter, tmp_path: Path, photo: bytes, voice: bytes
) -> None:
    server = start_server(
        command=(sys.executable, "-m", "tests.app.quick_server", str(tmp_path / "runs")), content_credentials="off"
    )
    assert server.client.get("/health").json()["models"] == ["preview", "infinitetalk"]
    job = server.wait_for(server.submit(photo, voice)["job_id"])
    assert job["metadata"]["frame_num"] == 30
    assert not (tmp_path / "runs").exists()
