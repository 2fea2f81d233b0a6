"""The way from the hub to a video of the GPU class, with a tiny model in place of the real one."""

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from app.decoding.samples import sample_frames
from app.remote.store import Attempts
from pipeline.credentials import TrustFolder, read_credentials
from pipeline.infinitetalk.weights import WEIGHTS
from pipeline.watermark import read_mark
from pipeline.weights.manifest import check_files
from tests.deploy.conftest import PHOTO, VOICE, Deployed, has_ended, wait_until
from tests.deploy.loopback.forks import Forks
from tests.deploy.loopback.plane import Loopback
from tests.fake_hub import FakeHub
from tests.tiny_checkpoint import write_tiny_checkpoint

GPU = "InfiniteTalkGenerator.*"
QUICK = {"max_duration_sec": 1.0, "num_inference_steps": 1}
LONG = {"max_duration_sec": 1.0, "num_inference_steps": 100}
CLIPS = {"max_duration_sec": 5.2, "num_inference_steps": 1, "seed": 7}
"""Two clips."""


def is_computing(job: dict[str, Any]) -> bool:
    return job["progress"] is not None and job["progress"]["stage"] in {"conditioning", "denoising"}


def count_frames(video: bytes) -> int:
    with av.open(io.BytesIO(video)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(scope="module")
def loopback(loopback: Loopback) -> Iterator[Loopback]:
    """One whose containers have the model's libraries imported, which takes many seconds."""
    plane = loopback.plane
    with Forks(["pipeline.infinitetalk.runtime"], plane.root, plane.environment, plane.log) as plane.forks:
        yield loopback


@pytest.fixture(scope="module")
def weights(loopback: Loopback, hub: FakeHub, volumes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volume after `--download-weights`."""
    hub.release(write_tiny_checkpoint(tmp_path_factory.mktemp("released")), WEIGHTS.sources)
    hub.token = "hf_test"
    loopback.plane.environment["VIDEO_LAB_PAGE"] = "off"  # it takes seconds to start, and nobody looks at it here
    for mark in ("VIDEO_LAB_WATERMARK", "VIDEO_LAB_CONTENT_CREDENTIALS"):  # no two videos with these are the same
        loopback.plane.environment[mark] = "off"
    loopback.modal("run", "deploy.py", "--download-weights", "--variants", "fp8")
    return volumes / "weights"


@pytest.fixture(scope="module")
def survivor(weights: Path, deployed: Deployed) -> str:
    """A job after whose first clip both its GPU container and the web container are killed."""
    job_id = deployed.submit("fast", **CLIPS)
    wait_until((deployed.data / "jobs" / job_id / "checkpoint/clips.json").exists, 240, pause=0.02)
    deployed.loopback.kill(GPU)
    deployed.loopback.kill("web")
    return job_id


def test_fetches_and_prepares_the_weights(weights: Path) -> None:
    check_files(weights / "infinitetalk", with_checksums=True)
    check_files(weights / "infinitetalk/variants/fp8", with_checksums=True)
    assert {path.name for path in weights.iterdir()} == {"infinitetalk", "sources.json"}


def test_finds_the_weights_without_a_restart(weights: Path, deployed: Deployed) -> None:
    assert "infinitetalk" in deployed.http.get("/health").json()["models"]


def test_names_the_file_of_the_weights_that_is_missing(weights: Path, deployed: Deployed, tmp_path: Path) -> None:
    shard = next((weights / "infinitetalk/transformer").glob("*.safetensors"))
    away = shutil.move(shard, tmp_path)
    job = deployed.wait(deployed.submit("fast", **QUICK), has_ended)
    shutil.move(away, shard)
    assert job["status"] == "failed"
    assert shard.name in job["error"]["message"]


def test_makes_the_video_though_both_containers_were_killed(survivor: str, deployed: Deployed) -> None:
    job = deployed.wait(survivor, has_ended, seconds=240)
    assert job["status"] == "done", job
    assert count_frames(deployed.http.get(f"/jobs/{survivor}/video").content) == 130


def test_began_again_in_a_new_container_and_was_spawned_once(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    plane = deployed.loopback.plane
    calls = [call for call in plane.calls.values() if call.function_id == deployed.loopback.function_id(GPU)]
    assert len(calls) == 2  # the first one's weights were incomplete
    assert plane.num_started[calls[0].function_id] == 2


def test_began_again_with_the_clip_that_was_not_finished(survivor: str, deployed: Deployed) -> None:
    job = deployed.wait(survivor, has_ended, seconds=240)
    attempts = Attempts.read(deployed.loopback.read_note(f"{survivor}/attempts"))
    assert (attempts.count, attempts.num_clips) == (1, 1)  # those that came to nothing are not counted any more
    assert 0 < attempts.lost_seconds < job["metadata"]["gpu_seconds"]
    assert not (deployed.data / "jobs" / survivor / "checkpoint").exists()


def test_works_in_a_process_of_its_own(survivor: str, deployed: Deployed) -> None:
    assert deployed.loopback.pid(GPU) != deployed.loopback.pid("web")


def test_leaves_video_and_result_in_the_job_s_folder(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    names = {path.name for path in (deployed.data / "jobs" / survivor).iterdir()}
    assert {"job.json", "video.mp4", "poster.jpg"} <= names
    assert not {"photo", "voice"} & names


def test_keeps_account_of_what_is_spent_on_the_volume(survivor: str, deployed: Deployed) -> None:
    assert survivor in json.loads((deployed.data / "spending.json").read_text())


def test_keeps_the_gpu_s_seconds_with_the_result(survivor: str, deployed: Deployed) -> None:
    metadata = deployed.wait(survivor, has_ended, seconds=240)["metadata"]
    assert metadata["gpu"] == "CPU"
    assert metadata["gpu_seconds"] > 0


def test_cancels_a_running_job_and_takes_the_next(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    job_id = deployed.submit("fast", **LONG)
    deployed.wait(job_id, is_computing)
    assert deployed.http.delete(f"/jobs/{job_id}").status_code in {200, 204}
    next_id = deployed.submit("fast", **LONG)
    deployed.wait(next_id, is_computing)
    deployed.http.delete(f"/jobs/{next_id}")


def test_tells_what_runs_from_what_waits_and_takes_it_out_of_the_queue(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    running, waiting = (deployed.submit("fast", **LONG) for _ in range(2))
    deployed.wait(running, is_computing)
    job = deployed.job(waiting)
    assert (job["status"], job["position"], job["started_at"], job["progress"]) == ("queued", 1, None, None)
    assert job["eta_seconds"] > deployed.job(running)["eta_seconds"]
    assert deployed.http.delete(f"/jobs/{waiting}").json()["status"] == "cancelled"
    assert deployed.loopback.count_unfinished(GPU) == 1
    deployed.http.delete(f"/jobs/{running}")


def test_deletes_photo_and_voice_though_the_web_container_is_gone(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    job_id = deployed.submit("fast", **CLIPS)
    deployed.wait(job_id, is_computing)
    deployed.loopback.kill("web")
    folder = deployed.data / "jobs" / job_id
    end = time.monotonic() + 240
    while (folder / "voice").exists():
        assert time.monotonic() < end, deployed.loopback.plane.log.read_text()[-3000:]
        time.sleep(0.1)
    assert (folder / "end.json").exists()
    assert not (folder / "photo").exists()
    assert deployed.wait(job_id, has_ended)["status"] == "done"
    videos = {deployed.http.get(f"/jobs/{one}/video").content for one in (survivor, job_id)}
    assert len(videos) == 1  # though the first one was made in two runs, and this one in one


def test_says_that_an_answer_has_expired(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    job_id = deployed.submit("fast", **LONG)
    deployed.wait(job_id, is_computing)
    deployed.loopback.expire_calls(GPU)
    deployed.loopback.kill(GPU)
    job = deployed.wait(job_id, has_ended)
    assert (job["status"], job["error"]["code"]) == ("failed", "remote.expired")


def test_gives_up_a_start_that_crashes_again_and_again(survivor: str, deployed: Deployed) -> None:
    deployed.wait(survivor, has_ended, seconds=240)
    deployed.http.get("/health")  # the web container is there, and keeps the settings that it has
    deployed.loopback.kill(GPU)
    deployed.loopback.forget_notes()
    plane = deployed.loopback.plane
    plane.environment["VIDEO_LAB_LOG_LEVEL"] = "shout"
    before = plane.num_started[deployed.loopback.function_id(GPU)]
    job = deployed.wait(deployed.submit("fast", **QUICK), has_ended, seconds=240)
    del plane.environment["VIDEO_LAB_LOG_LEVEL"]
    assert (job["status"], job["error"]["code"]) == ("failed", "remote.not_started")
    assert "VIDEO_LAB_LOG_LEVEL is 'shout'" in job["error"]["message"]
    assert plane.num_started[deployed.loopback.function_id(GPU)] == before + 3
    deployed.loopback.kill(GPU)


def test_makes_a_video_from_the_command_line_on_several_gpus(
    weights: Path, volumes: Path, tmp_path: Path, loopback: Loopback
) -> None:
    output = tmp_path / "video.mp4"
    for mark in ("VIDEO_LAB_WATERMARK", "VIDEO_LAB_CONTENT_CREDENTIALS"):
        loopback.plane.environment.pop(mark, None)
    team = {"VIDEO_LAB_MODAL_TEAM_GPUS": "2", "VIDEO_LAB_MODAL_TEAM_PROFILES": "fast"}
    team["VIDEO_LAB_MODAL_GPU_FAST"] = "H100"
    options = ("--model", "infinitetalk", "--profile", "fast", "--seconds", "1", "--steps", "1", "--seed", "7")
    files = ("--image", str(PHOTO), "--audio", str(VOICE), "--output", str(output))
    printed = loopback.modal("run", "deploy.py", *files, *options, **team)
    assert "2 x CPU" in printed
    assert count_frames(output.read_bytes()) == 25
    assert "25 frames" in printed
    found = read_credentials(output, TrustFolder(volumes / "trust").read_known())
    assert found is not None
    assert found.made_here
    assert read_mark(sample_frames(output)) is not None
    (options,) = loopback.plane.options.values()
    assert (options.resources.gpu_config.gpu_type, options.resources.gpu_config.count) == ("H100", 2)
    assert (options.resources.milli_cpu, options.resources.memory_mb) == (8000, 32 * 1024)
