"""Jobs on a runner that is not this machine's."""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.app.conftest import Starter
from tests.app.server import Server


def submit_fast(server: Server, photo: bytes, voice: bytes, _: int) -> str:
    return str(server.submit(photo, voice, profile="fast")["job_id"])


def test_jobs_are_done_once_each_though_the_server_is_killed_in_the_middle_and_previews_here(
    start_server: Starter, tmp_path: Path, photo: bytes, voice: bytes
) -> None:
    runs = tmp_path / "runs"
    command = (sys.executable, "-m", "tests.app.quick_server", str(runs))
    server = start_server(command=command, content_credentials="off")
    hold = runs.with_suffix(".hold")
    submit = partial(submit_fast, server, photo, voice)
    with ThreadPoolExecutor(10) as pool:
        jobs = list(pool.map(submit, range(15)))
        server.wait_until(runs.exists)
        hold.touch()
        jobs += pool.map(submit, range(15))
    server.kill()
    hold.unlink()
    before = set(runs.read_text().split())
    server = start_server(command=command, content_credentials="off")
    ended = [server.wait_for(job_id) for job_id in jobs]
    assert {job["status"] for job in ended} == {"done"}
    assert sorted(runs.read_text().split()) == sorted(jobs)
    assert 0 < len(before) < 30
    assert server.client.get("/health").json()["models"] == ["preview", "infinitetalk"]
    preview = server.wait_for(server.submit(photo, voice)["job_id"])
    assert preview["metadata"]["frame_num"] == 30
    assert preview["job_id"] not in runs.read_text().split(), "previews run here"
