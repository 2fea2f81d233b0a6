"""Jobs wait, run in turn, are begun again, and end."""

import asyncio
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest

from app.jobs.queue import MAX_ATTEMPTS, JobQueue
from app.jobs.runners.protocol import RunUpdate, write_end
from app.log import begin_request, request_id
from app.records import JobRecord, Resolved
from app.storage import JobFolder
from pipeline.checkpoint import ClipPlace, ClipStore
from pipeline.types import Progress
from tests.app.jobs.rig import DONE, LOST, Rig, settle

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def close(rig: Rig) -> AsyncIterator[None]:
    yield
    await rig.queue.close()


async def test_a_lost_run_is_begun_again_before_any_other(rig: Rig) -> None:
    first, second = rig.add("a"), rig.add("b")
    await rig.say(first, LOST)
    assert rig.runner.started == [first.record.id] * 2
    assert (first.record.status, second.record.status) == ("running", "queued")
    await rig.finish(first)
    assert (first.record.status, second.record.status) == ("done", "running")


async def test_what_a_run_logs_is_of_no_request(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two jobs of two requests, the second is begun when the first has ended."""
    seen, start = [], rig.runner.start

    async def note(folder: JobFolder) -> str:
        seen.append(request_id.get())
        return await start(folder)

    monkeypatch.setattr(rig.runner, "start", note)
    begin_request()
    first = rig.add()
    begin_request()
    second = rig.add()
    await rig.finish(first)
    await rig.finish(second)
    assert seen == [None, None]


async def test_a_run_that_is_lost_again_and_again_is_given_up_with_the_reason(rig: Rig) -> None:
    job, other = rig.add(), rig.add()
    for _ in range(MAX_ATTEMPTS):
        await rig.say(job, LOST)
    assert (job.record.status, job.record.error) == ("failed", LOST.error)
    assert len(rig.runner.started) == MAX_ATTEMPTS + 1
    assert other.record.status == "running"
    assert rig.queue.losses == {"job.killed": MAX_ATTEMPTS}


def keep_clip(folder: JobFolder) -> None:
    """Get one clip further than before."""
    clips = ClipStore(ClipPlace(folder.checkpoint), "fingerprint")
    clips.keep(np.zeros((1, 16, 16, 3), np.uint8), b"state", {})


async def test_runs_that_get_further_each_time_are_not_too_many(rig: Rig) -> None:
    job = rig.add()
    await settle()
    for _ in range(MAX_ATTEMPTS + 1):
        keep_clip(rig.registry.folder(job))
        await rig.say(job, LOST)
    for _ in range(MAX_ATTEMPTS):
        assert job.record.status == "running"
        await rig.say(job, LOST)
    assert (job.record.status, job.record.error) == ("failed", LOST.error)


async def test_a_run_that_got_further_before_its_server_died_is_begun_again(rig: Rig) -> None:
    job = rig.make(status="running", attempts=MAX_ATTEMPTS)
    keep_clip(rig.registry.folder(job))
    await rig.queue.recover(job)
    rig.queue.dispatch()
    assert (job.record.status, job.record.attempts) == ("running", 1)


async def test_what_a_lost_run_had_shown_is_forgotten(rig: Rig) -> None:
    job = rig.add()
    await rig.say(job, RunUpdate(Progress("frames", 1, 2, 50.0), 3), LOST)
    assert (job.progress, job.num_live_segments) == (None, 0)


async def test_a_lost_run_whose_video_is_whole_is_done(rig: Rig) -> None:
    job = rig.add()
    await settle()
    rig.registry.folder(job).video.write_bytes(b"mp4")
    write_end(rig.registry.folder(job), DONE)
    await rig.say(job, LOST)
    assert job.record.status == "done"
    assert rig.files(job) == {"job.json", "video.mp4"}


@pytest.mark.parametrize("has_video", [False, True])
async def test_a_run_whose_end_nobody_heard_is_not_made_again(rig: Rig, *, has_video: bool) -> None:
    job = rig.make(status="running", attempts=1)
    write_end(rig.registry.folder(job), DONE)
    if has_video:
        rig.registry.folder(job).video.write_bytes(b"mp4")
    await rig.queue.recover(job)
    rig.queue.dispatch()
    assert job.record.status == ("done" if has_video else "running")


@pytest.mark.parametrize("is_killed", [False, True])
async def test_a_video_whose_signing_was_interrupted_is_signed_later_and_not_made_again(
    rig: Rig, *, is_killed: bool
) -> None:
    signs = asyncio.Event()

    async def seal(record: JobRecord, folder: JobFolder) -> bool:
        del record, folder
        return await signs.wait()

    def start_queue() -> JobQueue:
        return JobQueue(rig.runner, rig.registry, rig.clock, rig.end, rig.listeners, seal=seal)

    interrupted = rig.queue = start_queue()
    job = rig.add()
    await settle()
    write_end(rig.registry.folder(job), DONE)
    await rig.finish(job)
    assert job.record.status == "running"
    if not is_killed:
        await interrupted.close()
    rig.queue = start_queue()
    recovering = asyncio.create_task(rig.queue.recover(job))
    await settle()
    signs.set()
    await recovering
    rig.queue.dispatch()
    assert job.record.status == "done"
    assert job.record.result is not None
    assert job.record.result.content_credentials
    assert rig.runner.started == [job.record.id]
    await interrupted.close()


async def test_a_damaged_end_says_nothing(rig: Rig) -> None:
    job = rig.make(status="running", attempts=1)
    rig.registry.folder(job).video.write_bytes(b"mp4")
    rig.registry.folder(job).end.write_text('{"status":"do')
    await rig.queue.recover(job)
    assert job.record.status == "queued"


@pytest.mark.parametrize(("attempts", "losses", "status"), [(3, 0, "failed"), (3, 1, "queued"), (2, 0, "queued")])
async def test_only_what_stopped_the_server_counts_as_that(attempts: int, losses: int, status: str, rig: Rig) -> None:
    job = rig.make(status="running", attempts=attempts, losses=losses)
    await rig.queue.recover(job)
    assert job.record.status == status


async def test_a_job_of_an_older_version_gets_a_seed_for_all_its_runs(rig: Rig) -> None:
    drawn, kept = rig.make(), rig.make(resolved=Resolved(seed=5))
    for job in (drawn, kept):
        await rig.queue.recover(job)
    seeds = {rig.registry.folder(drawn).read_request().seed for _ in range(2)}
    assert len(seeds) == 1
    assert None not in seeds
    assert rig.registry.folder(kept).read_request().seed == 5


async def test_begins_nothing_while_it_closes(rig: Rig) -> None:
    running, waiting = rig.add(), rig.add()
    await settle()
    await rig.queue.close()
    late = rig.add()
    await settle()
    assert rig.runner.started == [running.record.id]
    assert {job.record.status for job in (running, waiting, late)} == {"queued"}
    assert running.record.attempts == 0


async def test_where_runs_last_all_that_waits_is_handed_over_in_turn_when_the_server_ends(rig: Rig) -> None:
    rig.runner.durable = True
    jobs = [rig.add("a"), rig.add("a"), rig.add("a"), rig.add("b")]
    await settle()
    await rig.queue.close()
    assert rig.runner.started == [jobs[number].record.id for number in (0, 1, 3, 2)]
    assert all(rig.registry.folder(job).read().handle for job in jobs)


async def test_a_job_whose_handing_over_is_broken_off_by_the_server_s_end_is_handed_over_then(rig: Rig) -> None:
    rig.runner.durable, rig.runner.gate = True, asyncio.Event()
    jobs = [rig.add(), rig.add()]
    await settle()
    closing = asyncio.create_task(rig.queue.close())
    await settle()
    rig.runner.gate.set()
    await closing
    assert rig.runner.started == [job.record.id for job in jobs]
    assert all(rig.registry.folder(job).read().handle for job in jobs)


async def test_a_job_cancelled_while_its_run_starts_is_cancelled_there(rig: Rig) -> None:
    rig.runner.gate = asyncio.Event()
    job = rig.add()
    await settle()
    cancelling = asyncio.create_task(rig.queue.cancel(job))
    await settle()
    rig.runner.gate.set()
    await cancelling
    assert rig.runner.cancelled == [job.record.id]
    assert job.record.status == "cancelled"
    assert rig.files(job) == {"job.json"}


async def test_a_job_cancelled_just_when_its_run_is_lost_is_not_begun_again(rig: Rig) -> None:
    rig.runner.gate = asyncio.Event()
    job = rig.add()
    await settle()
    cancelling = asyncio.create_task(rig.queue.cancel(job))
    await settle()
    rig.runner.words[job.record.id] = asyncio.Queue()
    rig.runner.cancel = drop  # type: ignore[method-assign] # a worker that is dead hears nothing
    rig.runner.gate.set()
    await rig.say(job, LOST)
    await cancelling
    assert job.record.status == "cancelled"
    assert len(rig.queue.waiting) == 0


async def drop(handle: str) -> None:
    """Do nothing."""


async def test_clients_take_turns(rig: Rig) -> None:
    greedy = [rig.add("a") for _ in range(20)]
    modest = rig.add("b")
    assert rig.queue.find_position(modest) == 2
    assert (rig.queue.count("a"), rig.queue.count("b")) == (19, 1)
    for job in greedy[:2]:
        await rig.finish(job)
    assert modest.record.status == "running"


def count_down(rig: Rig, jobs: list) -> list[float]:
    return [rig.forecaster.predict(rig.queue, job, rig.queue.find_position(job)) for job in jobs]


async def test_each_waits_for_all_before_it(rig: Rig) -> None:
    jobs = [rig.add(speech_seconds=4.0) for _ in range(4)]
    one = rig.forecaster.predict_run(jobs[-1])
    assert count_down(rig, jobs) == pytest.approx([one, 2 * one, 3 * one, 4 * one])
    await rig.queue.cancel(jobs[1])
    assert count_down(rig, jobs[2:]) == pytest.approx([2 * one, 3 * one])
    rig.time.pass_by(2)
    assert count_down(rig, jobs[2:]) == pytest.approx([2 * one - 2, 3 * one - 2])


async def test_waits_are_shorter_where_several_run_at_once(rig: Rig) -> None:
    rig.runner.capacity = 2
    jobs = [rig.add() for _ in range(3)]
    one = rig.forecaster.predict_run(jobs[-1])
    assert count_down(rig, jobs)[-1] == pytest.approx(2 * one)


async def test_a_turn_costs_little_though_ten_thousand_wait_and_are_followed(rig: Rig) -> None:
    template = rig.add("a").record
    jobs = []
    for number in range(10_000):
        record = template.model_copy(update={"id": f"{number:022d}", "speech_seconds": 1.0 + number % 600})
        state = rig.registry.add(record.model_copy(update={"status": "queued"}), f"client {number % 100}")
        rig.queue.waiting.add(state, state.client)
        jobs.append(state)
    heard: list[float] = []

    async def follow(state: object) -> None:
        while True:
            await state.changed.wait()
            heard.append(count_down(rig, [state])[0])

    followers = [asyncio.create_task(follow(state)) for state in jobs]
    await settle()
    seconds = []
    for _ in range(3):
        started = time.process_time()
        await rig.say(next(iter(rig.queue.running)), DONE)
        seconds.append(time.process_time() - started)
    for follower in followers:
        follower.cancel()
    assert len(heard) >= 3 * 50
    assert min(seconds) < 0.05


async def test_everyone_hears_of_a_new_place_in_the_end(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.jobs.queue._NOTIFIED_AT_ONCE", 2)
    monkeypatch.setattr("app.jobs.queue._NOTIFY_SECONDS", 0.0)
    jobs = [rig.add() for _ in range(9)]
    followed = [asyncio.create_task(job.changed.wait()) for job in jobs[2:]]
    await rig.queue.cancel(jobs[1])
    await asyncio.wait_for(asyncio.gather(*followed), timeout=60)
