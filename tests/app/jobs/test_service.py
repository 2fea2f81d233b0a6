"""The service: what it takes, and what it says when it cannot."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.errors import JobSetAsideError, QueueFullError, ServerStoppingError
from app.jobs import Job, JobEvent, Jobs
from app.main import create_app
from app.settings import Settings
from app.storage import JobStore
from pipeline.errors import InputError
from pipeline.request import VideoRequest
from tests.app.jobs.rig import HandRunner
from tests.app.test_storage import make_record

pytestmark = pytest.mark.anyio

PHOTO, VOICE = Path("assets/photos/grace_hopper.jpg"), Path("assets/voices/joe.wav")
REQUEST = VideoRequest(profile="fast", max_duration_sec=1)
INPUTS = {"image": PHOTO, "audio": VOICE}


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Jobs]:
    settings = Settings(data_dir=tmp_path, queue_size=2, live="off", content_credentials=False)
    jobs = Jobs(settings, JobStore(tmp_path), HandRunner())
    await jobs.start()
    yield jobs
    await jobs.close()


def find_folders(path: Path) -> set[str]:
    return {folder.name for folder in (path / "jobs").iterdir()}


async def test_what_is_being_submitted_holds_its_place_and_what_is_refused_leaves_nothing(
    jobs: Jobs, tmp_path: Path
) -> None:
    found = await asyncio.gather(*(jobs.submit(REQUEST, INPUTS, client) for client in "abcd"), return_exceptions=True)
    taken = [job for job in found if isinstance(job, Job)]
    assert [type(error) for error in found if not isinstance(error, Job)] == [QueueFullError] * 2
    assert find_folders(tmp_path) == {job.id for job in taken}
    with pytest.raises(InputError):
        await jobs.submit(VideoRequest(profile="fast"), INPUTS | {"image": VOICE})
    assert find_folders(tmp_path) == {job.id for job in taken}
    assert jobs._places._submitting.total() == 0
    assert all(job.seed is not None and job.request.seed is None for job in taken)


async def test_each_client_may_have_a_share_of_the_queue(jobs: Jobs) -> None:
    jobs._places._submitting["a"] = 1
    with pytest.raises(QueueFullError, match="jobs of yours are waiting"):
        jobs.check_room("a")
    jobs.check_room("b")
    jobs._places._submitting["b"] = 1
    with pytest.raises(QueueFullError, match="As many jobs are waiting as fit"):
        jobs.check_room("c")


async def test_a_server_that_stops_says_so_to_who_waits_and_to_who_comes(jobs: Jobs, tmp_path: Path) -> None:
    job = await jobs.submit(REQUEST, INPUTS)
    waiting = asyncio.create_task(jobs.wait(job.id, 60))
    await asyncio.sleep(0)
    jobs.stop_followers()
    with pytest.raises(ServerStoppingError, match=job.id):
        await waiting
    with pytest.raises(ServerStoppingError, match="Try again"):
        await jobs.submit(REQUEST, INPUTS)
    assert find_folders(tmp_path) == {job.id}


def test_a_job_that_is_set_aside_is_not_said_to_be_unknown(tmp_path: Path) -> None:
    with closing(JobStore(tmp_path)) as store:
        job_id, folder = store.create()
        folder.write(make_record(job_id))
    (folder.path / "job.json").write_text("{")
    folder.video.write_bytes(b"mp4")
    with TestClient(
        create_app(Settings(data_dir=tmp_path, page=False, live="off", content_credentials=False))
    ) as client:
        health, answer = client.get("/health").json(), client.get(f"/jobs/{job_id}")
        metrics = client.get("/metrics").text
    assert (health["status"], health["jobs_set_aside"]) == ("degraded", 1)
    assert "cannot be read: 1." in " ".join(health["troubles"])
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:video-lab:problem:job-set-aside")
    assert answer.json()["detail"] == str(JobSetAsideError(job_id))
    assert "video_lab_jobs_set_aside 1.0" in metrics
    assert folder.video.exists()


async def test_listeners_hear_of_each_end_and_each_deletion_once(jobs: Jobs) -> None:
    events: list[JobEvent] = []
    jobs.subscribe(events.append, "done", "failed", "cancelled", "deleted")
    job = await jobs.submit(REQUEST, INPUTS, "a client")
    for _ in range(2):
        await jobs.cancel(job.id)
        await jobs.delete(job.id)
    assert [(event.kind, event.is_terminal, event.client) for event in events] == [
        ("cancelled", True, "a client"),
        ("deleted", False, "a client"),
    ]
    assert events[0].job.finished_at is not None
    assert events[1].job.is_expired
