"""The app with its GPU elsewhere: what clients see, what is learned, what is refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from app.jobs import RunEnd, RunUpdate
from app.jobs.runners.protocol import EVENTS
from app.main import create_app
from app.records import GpuCost
from app.remote import RemoteRunner, ResultPayload
from app.settings import Settings
from pipeline.engine import Availability
from pipeline.notices import Notice
from pipeline.types import Progress
from tests.app.remote.test_runner import RESULT, MemoryCloud

BUDGET = 0.0472 * 5.5  # room for five of these videos
COST = GpuCost(gpu="NVIDIA A100-SXM4-80GB", seconds=68.0, dollars=0.0472)


@dataclass
class HandCloud(MemoryCloud):
    """Runs go on and end as a test says. Calls are named after the order in which they came."""

    ends: dict[str, ResultPayload] = field(default_factory=dict)

    async def poll(self, call_id: str) -> ResultPayload | None:
        return self.ends.get(call_id)

    def begin(self, job_id: str, started_at: datetime) -> None:
        update = RunUpdate(Progress("denoising", 1, 8, 20.0), started_at=started_at)
        self.values[f"{job_id}/progress"] = EVENTS.dump_json(update).decode()

    def end(self, job_id: str, end: RunEnd) -> None:
        video = (b"mp4", b"jpeg") if end.status == "done" else (b"", b"")
        self.ends[f"call-{self.spawned.index(job_id) + 1}"] = ResultPayload(end, *video)


@dataclass(frozen=True)
class App:
    """The running app, its cloud and its data folder."""

    http: TestClient
    cloud: HandCloud
    data: Path
    inputs: dict[str, bytes]

    def submit(self, path: str = "/jobs", **fields: object) -> httpx.Response:
        files = {"image": self.inputs["image"], "audio": self.inputs["audio"]}
        return self.http.post(path, files=files, data={"profile": "fast"} | fields)

    def wait(self, job_id: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Follow the job until something is true of it."""
        with self.http.stream("GET", f"/jobs/{job_id}/events") as events:
            for line in events.iter_lines():
                if line.startswith("data: ") and until(job := json.loads(line.removeprefix("data: "))):
                    return job
        return self.http.get(f"/jobs/{job_id}").json()


@contextmanager
def serve(
    folder: Path, inputs: dict[str, bytes], cloud: HandCloud, place: Availability, dollars: float
) -> Iterator[App]:
    runner = RemoteRunner(cloud, lambda _: place, capacity=10, num_parallel=1, poll_seconds=0.01)
    settings = Settings(data_dir=folder, page=False, live="off", request_limit_seconds=30, content_credentials=False)
    with TestClient(create_app(settings, runner, dollars_per_day=dollars)) as http:
        yield App(http, cloud, folder, inputs)


@pytest.fixture
def inputs(photo: bytes, voice: bytes) -> dict[str, bytes]:
    return {"image": photo, "audio": voice}


@pytest.fixture
def app(tmp_path: Path, inputs: dict[str, bytes]) -> Iterator[App]:
    with serve(tmp_path, inputs, HandCloud(), Availability(available=True), BUDGET) as app:
        yield app


def has_ended(job: dict[str, Any]) -> bool:
    return job["status"] in {"done", "failed", "cancelled"}


def is_running(job: dict[str, Any]) -> bool:
    return job["status"] == "running"


def test_says_that_a_job_waits_until_its_run_begins(app: App) -> None:
    first, second = (app.submit().json()["job_id"] for _ in range(2))
    started_at = datetime.now(UTC) - timedelta(seconds=20)
    app.cloud.begin(first, started_at)
    job = app.wait(first, is_running)
    assert datetime.fromisoformat(job["started_at"]) == started_at
    waiting = app.http.get(f"/jobs/{second}").json()
    assert (waiting["status"], waiting["position"], waiting["started_at"]) == ("queued", 1, None)
    assert waiting["eta_seconds"] > job["eta_seconds"] + 60
    assert app.http.get("/health").json()["jobs_waiting"] == 1


def test_learns_from_the_run_s_own_seconds(app: App) -> None:
    job_id = app.submit().json()["job_id"]
    result = RESULT.model_copy(update={"cost": COST, "compute_seconds": 60.0})
    began = datetime.now(UTC) - timedelta(hours=1)
    app.cloud.end(job_id, RunEnd("done", result, None, began, began + timedelta(seconds=68), COST))
    job = app.wait(job_id, has_ended)
    assert datetime.fromisoformat(job["finished_at"]) == began + timedelta(seconds=68)
    assert json.loads((app.data / "speeds.json").read_text()) == {"fast on 1 x A100-80GB": pytest.approx(50.0, rel=0.1)}
    estimate = app.http.post("/estimate", json={"profile": "fast", "audio_duration": 10}).json()
    assert (estimate["basis"], estimate["gpu"]) == ("measured", "A100-80GB")
    assert estimate["cost_usd"] == pytest.approx(0.35, rel=0.1)


def test_tells_what_a_run_cost_that_failed(app: App) -> None:
    job_id = app.submit().json()["job_id"]
    app.cloud.end(job_id, RunEnd("failed", error=Notice("remote.lost", "request"), cost=COST))
    job = app.wait(job_id, has_ended)
    assert job["cost"] == {"gpu": COST.gpu, "gpu_seconds": 68.0, "price_usd": 0.0472}
    assert job["metadata"] is None


def test_answers_504_for_a_run_that_was_ended_by_its_time_limit(app: App) -> None:
    late = Notice("remote.time_limit", "request", {"minutes": 31})
    app.cloud.ends["call-1"] = ResultPayload(RunEnd("failed", error=late, cost=COST))
    answer = app.submit("/generate")
    assert (answer.status_code, answer.json()["code"]) == (504, "remote.time_limit")
    assert answer.json()["type"] == "urn:video-lab:problem:job-time-limit"


def test_cancels_what_waits_for_a_gpu(app: App) -> None:
    job_id = app.submit().json()["job_id"]
    app.cloud.end(job_id, RunEnd("cancelled"))
    assert app.http.delete(f"/jobs/{job_id}").json()["status"] == "cancelled"
    assert app.cloud.stopped in (["call-1"], [])


def test_refuses_what_costs_more_than_may_be_spent(app: App) -> None:
    statuses = [app.submit().status_code for _ in range(5)]
    refused = app.submit()
    assert (statuses, refused.status_code) == ([202] * 5, 429)
    assert refused.json()["code"] == "limit.budget"
    assert int(refused.headers["Retry-After"]) > 23 * 3600
    assert len(list((app.data / "jobs").iterdir())) == 5
    assert app.submit(profile="preview").status_code == 202


def test_has_room_again_for_what_was_cancelled_before_it_began(app: App) -> None:
    ids = [app.submit().json()["job_id"] for _ in range(5)]
    app.cloud.end(ids[0], RunEnd("cancelled"))
    app.wait(ids[0], has_ended)
    assert app.submit().status_code == 202


@pytest.mark.parametrize(("cost", "spent"), [(COST.model_copy(update={"dollars": 0.09}), 0.09), (None, 0.0472)])
def test_a_run_that_began_is_paid_for_however_it_ended(app: App, cost: GpuCost | None, spent: float) -> None:
    job_id = app.submit().json()["job_id"]
    app.cloud.begin(job_id, datetime.now(UTC))
    app.wait(job_id, is_running)
    app.cloud.end(job_id, RunEnd("failed", error=Notice("remote.lost", "request"), cost=cost))
    app.wait(job_id, has_ended)
    account = json.loads((app.data / "spending.json").read_text())
    assert account[job_id][1] == pytest.approx(spent, rel=0.1)


def test_refuses_what_would_take_too_long(tmp_path: Path, inputs: dict[str, bytes]) -> None:
    slow = Availability(available=True, gpu="H100", fallbacks=("A100-80GB",), most_seconds=40 * 60.0)
    with serve(tmp_path, inputs, HandCloud(), slow, 0.0) as app:
        answer = app.submit(profile="quality")
        assert (answer.status_code, answer.json()["code"]) == (400, "request.takes_too_long_always")
        assert app.cloud.spawned == []
        assert list((app.data / "jobs").iterdir()) == []


def test_takes_up_what_waits_after_a_restart(tmp_path: Path, inputs: dict[str, bytes]) -> None:
    cloud, place = HandCloud(), Availability(available=True)
    with serve(tmp_path, inputs, cloud, place, 0.0) as app:
        job_id = app.submit().json()["job_id"]
    with serve(tmp_path, inputs, cloud, place, 0.0) as app:
        assert app.http.get(f"/jobs/{job_id}").json()["status"] == "queued"
        cloud.end(job_id, RunEnd("done", RESULT))
        assert app.wait(job_id, has_ended)["status"] == "done"
    assert cloud.spawned == [job_id]
    assert json.loads((tmp_path / "jobs" / job_id / "job.json").read_text())["attempts"] == 1


@pytest.mark.parametrize(("gpu", "better"), [("A100-80GB", "H100"), ("H100", None)])
def test_says_which_gpu_would_be_quicker_and_cheaper(
    tmp_path: Path, inputs: dict[str, bytes], gpu: str, better: str | None
) -> None:
    place = Availability(available=True, gpu=gpu, gpu_setting="VIDEO_LAB_MODAL_GPU_QUALITY")
    with serve(tmp_path, inputs, HandCloud(), place, 0.0) as app:
        answer = app.http.post("/estimate", json={"profile": "quality", "audio_duration": 5}).json()
    found = answer["better"]
    assert (found and found["gpu"]) == better
    if better:
        assert found["setting"] == "VIDEO_LAB_MODAL_GPU_QUALITY=H100"
        assert (found["seconds"], found["cost_usd"]) == (pytest.approx(2645, rel=0.01), pytest.approx(2.90, rel=0.01))
