"""The web's side of a job."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from app.jobs import RunEnd, RunUpdate
from app.jobs.runners.protocol import EVENTS, write_end
from app.records import JobResult
from app.remote import Cloud, RemoteRunner, ResultPayload, RunExpiredError, RunLostError, RunTimeoutError
from app.remote.store import is_live
from app.storage import JobFolder
from pipeline.engine import Availability
from pipeline.engines import PROFILES
from pipeline.types import Progress

RESULT = JobResult(
    num_frames=30,
    speech_seconds=1.2,
    compute_seconds=9.0,
    width=832,
    height=480,
    frame_rate=25,
    seed=3,
)
DONE = ResultPayload(RunEnd("done", RESULT), b"mp4", b"jpeg")


@dataclass
class MemoryCloud:
    """Answers polls with what is in `answers`, in turn."""

    answers: list[ResultPayload | RunLostError | None] = field(default_factory=lambda: [DONE])
    values: dict[str, str] = field(default_factory=dict)
    spawned: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    num_saves: int = 0
    num_readings: int = 0

    async def save_files(self) -> None:
        self.num_saves += 1

    async def spawn(self, job_id: str) -> str:
        self.spawned.append(job_id)
        return f"call-{len(self.spawned)}"

    async def poll(self, call_id: str) -> ResultPayload | None:  # noqa: ARG002 - the protocol's argument
        answer = self.answers.pop(0)
        if isinstance(answer, RunLostError):
            raise answer
        return answer

    async def stop(self, call_id: str) -> None:
        self.stopped.append(call_id)

    async def read_value(self, key: str) -> str | None:
        return self.values.get(key)

    async def write_value(self, key: str, value: str) -> None:
        self.values[key] = value

    async def delete_value(self, key: str) -> None:
        self.values.pop(key, None)

    async def read_notes(self) -> Mapping[str, str]:
        self.num_readings += 1
        return {key: value for key, value in self.values.items() if is_live(key)}


def make_runner(cloud: Cloud) -> RemoteRunner:
    return RemoteRunner(cloud, lambda _: Availability(available=True), capacity=3, poll_seconds=0.0)


def follow(runner: RemoteRunner, folder: JobFolder) -> list[RunUpdate | RunEnd]:
    async def collect() -> list[RunUpdate | RunEnd]:
        return [event async for event in runner.events("call-1", folder)]

    return asyncio.run(collect())


@dataclass
class SlowCloud(MemoryCloud):
    """Takes its time to begin a run."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def spawn(self, job_id: str) -> str:
        await self.gate.wait()
        return await super().spawn(job_id)


def test_a_start_that_is_broken_off_is_not_made_twice(folder: JobFolder) -> None:
    async def start() -> str:
        runner = make_runner(cloud)
        first = asyncio.create_task(runner.start(folder))
        await asyncio.sleep(0)
        first.cancel()
        cloud.gate.set()
        return await runner.start(folder)

    cloud = SlowCloud()
    assert asyncio.run(start()) == "call-1"
    assert len(cloud.spawned) == 1


def test_spawns_the_job(folder: JobFolder) -> None:
    cloud = MemoryCloud()
    assert asyncio.run(make_runner(cloud).start(folder)) == "call-1"
    assert cloud.spawned == [folder.path.name]


def test_saves_the_files_before_the_job_is_promised(folder: JobFolder) -> None:
    cloud = MemoryCloud()
    asyncio.run(make_runner(cloud).persist(folder))
    assert cloud.num_saves == 1


def test_spawns_no_job_twice(folder: JobFolder) -> None:
    cloud = MemoryCloud()
    handles = [asyncio.run(make_runner(cloud).start(folder)) for _ in range(2)]
    assert (handles, len(cloud.spawned)) == (["call-1", "call-1"], 1)


def test_puts_the_video_into_the_folder(folder: JobFolder) -> None:
    assert follow(make_runner(MemoryCloud()), folder) == [DONE.end]
    assert (folder.video.read_bytes(), folder.poster.read_bytes()) == (b"mp4", b"jpeg")


def test_tells_each_progress_once(folder: JobFolder) -> None:
    update = RunUpdate(Progress("denoising", 2, 8, 30.0))
    cloud = MemoryCloud([None, None, None, DONE])
    cloud.values[f"{folder.path.name}/progress"] = EVENTS.dump_json(update).decode()
    assert follow(make_runner(cloud), folder) == [update, DONE.end]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RunLostError(), "remote.lost"),
        (RunTimeoutError(), "remote.timeout"),
        (RunExpiredError(), "remote.expired"),
    ],
)
def test_says_how_a_run_was_lost(folder: JobFolder, error: RunLostError, code: str) -> None:
    (end,) = follow(make_runner(MemoryCloud([error])), folder)
    assert (end.status, end.error.code) == ("failed", code)


def test_finds_the_result_of_a_run_whose_answer_has_expired(folder: JobFolder) -> None:
    write_end(folder, DONE.end)
    folder.video.write_bytes(DONE.video)
    assert follow(make_runner(MemoryCloud([RunExpiredError()])), folder) == [DONE.end]


def test_promises_no_video_that_is_not_in_the_folder(folder: JobFolder) -> None:
    write_end(folder, DONE.end)
    (end,) = follow(make_runner(MemoryCloud([RunExpiredError()])), folder)
    assert end.status == "failed"


def test_cancels_a_run_and_takes_it_out_of_the_queue(folder: JobFolder) -> None:
    cloud = MemoryCloud([None, RunLostError()])
    runner = make_runner(cloud)

    async def cancel_in_the_middle() -> RunEnd:
        events = runner.events("call-1", folder)
        ending = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        await runner.cancel("call-1")
        return await ending

    assert asyncio.run(cancel_in_the_middle()) == RunEnd("cancelled")
    assert cloud.stopped == ["call-1"]


def test_leaves_runs_alone_when_the_server_ends(folder: JobFolder) -> None:
    cloud = MemoryCloud()
    asyncio.run(make_runner(cloud).close())
    assert cloud.stopped == []


def test_wakes_no_gpu_that_has_nothing_to_load() -> None:
    fast = PROFILES["fast"]
    for is_there in (True, False):
        runner = RemoteRunner(MemoryCloud(), lambda _: Availability(available=is_there), capacity=1)  # noqa: B023
        assert runner.can_wake(fast) == is_there
