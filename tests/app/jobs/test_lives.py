"""What a job survives: restarts, crashes, cancellation, the end of its time."""

import base64
import json
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.app.conftest import Starter, cut_voice
from tests.app.server import Server


def test_a_power_cut_lets_a_job_run_again_unless_it_is_the_third(
    start_server: Starter, photo: bytes, voice: bytes, long_voice: bytes
) -> None:
    first = start_server()
    job_id, third = (first.submit(photo, one, seed=3)["job_id"] for one in (long_voice, voice))
    first.wait_for_frames(job_id)
    worker = first.find_workers()[0]
    first.kill()
    worker.wait(timeout=60)
    _say_attempts(first, job_id, was=1, attempts=1)
    _say_attempts(first, third, was=0, attempts=3)
    second = start_server()
    done = second.wait_for(job_id)
    assert done["status"] == "done"
    assert done["metadata"]["seed"] == 3
    assert second.client.get(done["links"]["video"]).content[4:8] == b"ftyp"
    failed = second.wait_for(third)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "job.interrupted")


def _say_attempts(server: Server, job_id: str, *, was: int, attempts: int) -> None:
    """Make the record of a job that was running say so many attempts, which is how many servers stopped in it."""
    path = server.data_dir / "jobs" / job_id / "job.json"
    record = json.loads(path.read_text())
    assert record["attempts"] == was
    path.write_text(json.dumps(record | {"attempts": attempts, "status": "running"}))


def test_a_stop_tells_who_waits_and_is_no_attempt(start_server: Starter, photo: bytes, long_voice: bytes) -> None:
    first = start_server()
    running, waiting = (first.submit(photo, one)["job_id"] for one in (cut_voice(12), long_voice))
    first.wait_for_frames(running)
    body = {"image_b64": base64.b64encode(photo).decode(), "audio_b64": base64.b64encode(long_voice).decode()}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: first.client.post("/generate", json=body))
        first.wait_until(lambda: first.client.get("/health").json()["jobs_waiting"] == 2)
        workers = first.find_workers()
        assert first.stop() == 0
        answer = asked.result(timeout=60)
    assert not any(worker.is_running() for worker in workers)
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:video-lab:problem:stopping")
    assert int(answer.headers["retry-after"]) > 0
    folders = first.data_dir / "jobs"
    records = [json.loads((folders / job_id / "job.json").read_text()) for job_id in (running, answer.json()["job_id"])]
    assert [(record["status"], record["attempts"]) for record in records] == [("queued", 0)] * 2
    second = start_server()
    assert [second.show(waiting)["status"], second.show(running)["status"]] == ["queued", "running"]


def test_a_job_whose_worker_is_killed_is_begun_again_and_is_the_same(
    server: Server, photo: bytes, long_voice: bytes
) -> None:
    job = server.submit(photo, long_voice, max_duration_sec=2)
    record = server.data_dir / "jobs" / job["job_id"] / "job.json"
    seed = json.loads(record.read_text())["resolved"]["seed"]
    server.wait_for_frames(job["job_id"])
    server.find_workers()[0].kill()
    done = server.wait_for(job["job_id"])
    assert (done["status"], done["metadata"]["seed"], done["request"]["seed"]) == ("done", seed, None)
    assert json.loads(record.read_text())["losses"] == 1


def test_a_job_that_kills_its_workers_is_given_up(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    for _ in range(3):
        server.wait_for_frames(job_id)
        worker = server.find_workers()[0]
        worker.send_signal(signal.SIGSEGV)
        worker.wait(timeout=60)
        server.wait_until(lambda: server.show(job_id)["progress"] is None)
    error = server.wait_for(job_id)["error"]
    assert error["code"] == "job.crashed"
    assert "SIGSEGV" in error["message"]
    assert 'video_lab_runs_lost_total{reason="crashed"} 3.0' in server.client.get("/metrics").text


@pytest.mark.parametrize("is_stuck", [False, True], ids=["willing", "stuck"])
def test_cancels_a_running_job_within_two_seconds(
    server: Server, photo: bytes, long_voice: bytes, *, is_stuck: bool
) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    server.wait_for_frames(job_id)
    if is_stuck:
        server.find_workers()[0].send_signal(signal.SIGSTOP)
    started = time.monotonic()
    answer = server.client.delete(f"/jobs/{job_id}")
    assert time.monotonic() - started < 10  # two, and what a busy machine takes
    assert answer.json()["status"] == "cancelled"
    assert {path.name for path in (server.data_dir / "jobs" / job_id).iterdir()} == {"job.json"}


def test_cancels_a_waiting_job_at_once_and_moves_the_others_up(
    server: Server, photo: bytes, voice: bytes, long_voice: bytes
) -> None:
    running, second, third = (server.submit(photo, long_voice)["job_id"] for _ in range(3))
    assert [server.show(job)["position"] for job in (running, second, third)] == [None, 1, 2]
    assert server.client.delete(f"/jobs/{second}").json()["status"] == "cancelled"
    assert server.show(third)["position"] == 1
    for job_id in (third, running):
        server.client.delete(f"/jobs/{job_id}")


def test_deletes_results_when_their_time_is_over(start_server: Starter, photo: bytes, voice: bytes) -> None:
    server = start_server(result_hours=2 / 3600)
    job_id = server.submit(photo, voice, prompt="in a garden")["job_id"]
    gone = server.submit(photo, voice)["job_id"]
    server.client.delete(f"/jobs/{gone}")
    shutil.rmtree(server.data_dir / "jobs" / gone)  # by hand, which must not keep the others
    done = server.wait_for(job_id)
    folder = server.data_dir / "jobs" / job_id
    assert {path.name for path in folder.iterdir()} == {"job.json", "video.mp4", "poster.jpg"}
    server.wait_until(lambda: server.client.get(done["links"]["video"]).status_code == 410)
    server.wait_until(lambda: len(list(folder.iterdir())) == 1)
    assert server.show(job_id)["expired"]
    assert "garden" not in (folder / "job.json").read_text()


def test_a_deleted_job_leaves_no_files_and_deleting_twice_is_the_same(
    server: Server, photo: bytes, voice: bytes
) -> None:
    job_id = server.submit(photo, voice)["job_id"]
    done = server.wait_for(job_id)
    first, second = (server.client.delete(f"/jobs/{job_id}") for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json()["expired"]
    assert server.client.get(done["links"]["video"]).status_code == 410
    assert {path.name for path in (server.data_dir / "jobs" / job_id).iterdir()} == {"job.json"}


def test_a_full_disk_ends_no_job_and_is_made_up_for(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    server.wait_for_frames(job_id)
    folder = server.data_dir / "jobs" / job_id
    (folder / "job.json.part").symlink_to("/dev/full")
    assert server.wait_for(job_id)["status"] == "done"
    server.wait_until(lambda: '"status":"done"' in (folder / "job.json").read_text())


def test_nobody_else_reads_what_is_persisted_and_no_byte_of_it_is_in_the_log(
    server: Server, photo: bytes, voice: bytes
) -> None:
    job_id = server.submit(photo, voice, prompt="a secret garden")["job_id"]
    server.wait_for(job_id)
    kept = [server.data_dir, *server.data_dir.rglob("*")]
    assert len(kept) > 4
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []
    log = server.log.read_text()
    assert job_id[:6] in log
    assert job_id not in log
    assert "garden" not in log
    assert "me.jpg" not in log
