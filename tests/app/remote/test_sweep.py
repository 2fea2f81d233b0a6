"""What happens on time though nobody visits."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.jobs import RunEnd
from app.jobs.runners.protocol import write_end
from app.records import JobRecord, Status
from app.remote import Sweeper
from app.storage import JobFolder
from pipeline.request import VideoRequest
from tests.app.remote.conftest import MemoryContext

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
IDS = [letter * 22 for letter in "abcdef"]


@dataclass
class MemorySweep(MemoryContext):
    spawned: list[str] = field(default_factory=list)

    def list_keys(self) -> list[str]:
        return list(self.values)

    def delete_value(self, key: str) -> None:
        del self.values[key]

    def spawn(self, job_id: str) -> str:
        self.spawned.append(job_id)
        return "call-1"


@pytest.fixture
def context() -> MemorySweep:
    return MemorySweep()


@pytest.fixture
def sweeper(tmp_path: Path, context: MemorySweep) -> Iterator[Sweeper]:
    sweeper = Sweeper(tmp_path, context, timedelta(hours=24))
    yield sweeper
    sweeper.close()


@dataclass(frozen=True)
class Jobs:
    """Puts jobs onto the volume, as a web container that is gone left them."""

    root: Path

    def add(self, job_id: str, *, model: str = "infinitetalk", age: timedelta = HOUR, **fields: object) -> JobFolder:
        folder = JobFolder(self.root / "jobs" / job_id)
        folder.path.mkdir(parents=True)
        for path in (folder.photo, folder.voice, folder.video, folder.poster):
            path.write_bytes(b"personal")
        request = VideoRequest(profile="fast" if model == "infinitetalk" else "preview", prompt="personal")
        record = {"id": job_id, "model": model, "request": request, "created_at": NOW - age, "speech_seconds": 1.0}
        folder.write(JobRecord(**record | fields))
        return folder

    def add_ended(self, job_id: str, ended_ago: timedelta, status: Status = "done") -> JobFolder:
        ended_at = NOW - ended_ago
        return self.add(job_id, status=status, finished_at=ended_at, expires_at=ended_at + timedelta(hours=24))


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def find_personal(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file() and b"personal" in path.read_bytes())


def test_deletes_what_has_expired_and_what_was_asked_for(sweeper: Sweeper, jobs: Jobs) -> None:
    folder = jobs.add_ended(IDS[0], 25 * HOUR)
    assert sweeper.sweep(NOW)
    assert folder.read().erased
    assert find_personal(folder.path) == []


def test_deletes_the_inputs_of_what_has_ended_and_keeps_the_video(sweeper: Sweeper, jobs: Jobs) -> None:
    folder = jobs.add_ended(IDS[0], HOUR)
    sweeper.sweep(NOW)
    assert find_personal(folder.path) == ["job.json", "poster.jpg", "video.mp4"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_deletes_the_clips_of_a_run_that_was_killed_too_late(sweeper: Sweeper, jobs: Jobs, status: Status) -> None:
    folder = jobs.add_ended(IDS[0], HOUR, status)
    folder.checkpoint.mkdir()
    sweeper.sweep(NOW)
    assert {path.name for path in folder.path.iterdir()} == {"job.json"}


def test_forgets_a_job_a_week_after_its_files(sweeper: Sweeper, jobs: Jobs) -> None:
    folder = jobs.add_ended(IDS[0], 24 * HOUR * 9)
    sweeper.sweep(NOW)
    assert not folder.path.exists()


def test_writes_down_the_end_of_a_run_that_nobody_followed(sweeper: Sweeper, jobs: Jobs) -> None:
    folder = jobs.add(IDS[0], handle="call-1")
    write_end(folder, RunEnd("done", started_at=NOW - HOUR, finished_at=NOW - HOUR / 2))
    sweeper.sweep(NOW)
    record = folder.read()
    assert (record.status, record.finished_at) == ("done", NOW - HOUR / 2)
    assert record.expires_at == NOW - HOUR / 2 + timedelta(hours=24)
    assert folder.video.exists()


def test_lets_a_run_wait_as_long_as_it_has_to(sweeper: Sweeper, jobs: Jobs, context: MemorySweep) -> None:
    folder = jobs.add(IDS[0], age=30 * HOUR, handle="call-1")
    context.values[f"{IDS[0]}/call"] = "call-1"
    sweeper.sweep(NOW)
    assert folder.photo.exists()
    assert (folder.read().status, context.spawned) == ("queued", [])


def test_begins_what_was_promised_and_never_begun(sweeper: Sweeper, jobs: Jobs, context: MemorySweep) -> None:
    jobs.add(IDS[0])
    for _ in range(2):
        sweeper.sweep(NOW)
    assert context.spawned == [IDS[0]]
    assert context.values[f"{IDS[0]}/call"] == "call-1"


def test_leaves_a_job_of_a_batch_to_who_checks_and_prices_it(
    sweeper: Sweeper, jobs: Jobs, context: MemorySweep
) -> None:
    folder = jobs.add(IDS[0], age=30 * HOUR, held=True)
    preview = jobs.add(IDS[1], age=30 * HOUR, held=True, model="preview")
    jobs.add(IDS[2], held=True, status="cancelled", finished_at=NOW, expires_at=NOW + HOUR)
    assert (sweeper.sweep(NOW), context.spawned, sweeper.holds_jobs()) == (True, [], True)
    assert [one.read().status for one in (folder, preview)] == ["queued", "queued"]
    assert folder.photo.exists()
    for one in (folder, preview):
        one.write(one.read().model_copy(update={"held": False}))
    assert not sweeper.holds_jobs()
    sweeper.sweep(NOW)
    assert context.spawned == [IDS[0]]


def test_begins_what_waits_in_the_order_in_which_it_came(sweeper: Sweeper, jobs: Jobs, context: MemorySweep) -> None:
    ages = [3, 6, 1, 5, 2, 4]
    for job_id, age in zip(IDS, ages, strict=True):
        jobs.add(job_id, age=age * HOUR)
    sweeper.sweep(NOW)
    assert context.spawned == [IDS[ages.index(age)] for age in (6, 5, 4, 3, 2, 1)]


@pytest.mark.parametrize(("age", "status"), [(HOUR / 2, "running"), (2 * HOUR, "failed")])
def test_gives_up_a_preview_that_nobody_makes_any_more(
    sweeper: Sweeper, jobs: Jobs, age: timedelta, status: str
) -> None:
    folder = jobs.add(IDS[0], model="preview", age=age, status="running")
    sweeper.sweep(NOW)
    assert folder.read().status == status
    assert folder.photo.exists() == (status == "running")


def test_leaves_everything_to_the_web_container_while_it_is_there(
    sweeper: Sweeper, jobs: Jobs, context: MemorySweep
) -> None:
    folder = jobs.add_ended(IDS[0], 25 * HOUR)
    context.values["web/alive"] = str(time.time() - 60)
    assert not sweeper.sweep(NOW)
    assert folder.video.exists()
    context.values["web/alive"] = str(time.time() - 600)
    assert sweeper.sweep(NOW)
    assert not folder.video.exists()


@pytest.mark.parametrize("name", ["photo", "checkpoint/0.nut"])
@pytest.mark.parametrize(("late", "is_left"), [(timedelta(minutes=1), True), (HOUR, False)])
def test_deletes_files_that_belong_to_no_job(
    sweeper: Sweeper, tmp_path: Path, name: str, late: timedelta, is_left: bool
) -> None:
    folder = tmp_path / "jobs" / IDS[0]
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_bytes(b"personal")
    sweeper.sweep(NOW + late)
    assert folder.exists() == is_left


def test_leaves_a_record_alone_that_it_cannot_read(sweeper: Sweeper, jobs: Jobs) -> None:
    folder = jobs.add_ended(IDS[0], 25 * HOUR)
    (folder.path / "job.json").write_text("{")
    other = jobs.add_ended(IDS[1], 25 * HOUR)
    sweeper.sweep(NOW)
    assert folder.video.exists()
    assert not other.video.exists()


def test_forgets_the_notes_of_what_is_over(sweeper: Sweeper, jobs: Jobs, context: MemorySweep) -> None:
    jobs.add_ended(IDS[0], HOUR)
    jobs.add(IDS[1], handle="call-1")
    old, new = f"command-{time.time_ns() - 2 * 86_400 * 10**9}", f"command-{time.time_ns()}"
    kept = {f"{IDS[1]}/call", f"{new}/progress", "starts/1/Generator"}
    for key in (f"{IDS[0]}/call", f"{IDS[2]}/progress", f"{old}/progress", *kept):
        context.values[key] = "x"
    sweeper.sweep(NOW)
    assert set(context.values) == kept
