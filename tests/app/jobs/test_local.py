"""Workers of this machine: they work, die, and hang."""

import shutil
import signal
from collections.abc import AsyncIterator

import pytest

from app.jobs.runners.local import LocalRunner
from app.jobs.runners.process import Watchdog, WorkerProcess
from app.jobs.runners.protocol import RunEnd, RunLost, RunUpdate
from app.records import Resolved
from app.storage import JobFolder
from pipeline.engine import EngineSettings
from pipeline.request import VideoRequest
from tests.app.conftest import cut_voice
from tests.app.jobs.rig import Rig

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(rig: Rig) -> JobFolder:
    request = VideoRequest(profile="preview", max_duration_sec=1)
    folder = rig.registry.folder(rig.make(request=request, resolved=Resolved(seed=7)))
    shutil.copyfile("assets/photos/grace_hopper.jpg", folder.photo)
    folder.voice.write_bytes(cut_voice(1.2))
    return folder


@pytest.fixture
async def runner() -> AsyncIterator[LocalRunner]:
    runner = LocalRunner(EngineSettings(), log_level="warning", timeout_seconds=20.0)
    yield runner
    await runner.close()


async def run(runner: LocalRunner, folder: JobFolder) -> RunEnd | RunLost:
    events = [event async for event in runner.events(await runner.start(folder), folder)]
    assert all(isinstance(event, RunUpdate) for event in events[:-1])
    return events[-1]


async def test_a_worker_that_hangs_is_ended_and_the_next_one_makes_the_video(
    runner: LocalRunner, folder: JobFolder
) -> None:
    runner._worker_settings = runner._worker_settings.model_copy(update={"heartbeat_seconds": 0.3})
    handle = await runner.start(folder)
    (worker,) = runner._workers
    worker.process.send_signal(signal.SIGSTOP)
    (lost,) = [event async for event in runner.events(handle, folder)]
    assert lost.error.code == "job.hung"
    assert worker.process.returncode == -signal.SIGKILL
    assert "no sign of life" in " ".join(runner.find_troubles())
    runner._worker_settings = runner._worker_settings.model_copy(update={"heartbeat_seconds": 10.0})
    end = await run(runner, folder)
    assert (end.status, end.result.seed) == ("done", 7)
    assert folder.end.is_file()


async def test_a_worker_that_dies_in_the_middle_of_a_word_is_dead(runner: LocalRunner, folder: JobFolder) -> None:
    handle = await runner.start(folder)
    (worker,) = runner._workers
    worker.process.stdout.feed_data(b'{"progress":')
    worker.process.kill()
    (lost,) = [event async for event in runner.events(handle, folder)]
    assert lost.error.code == "job.killed"


async def test_another_model_that_needs_the_gpu_has_a_process_of_its_own(runner: LocalRunner, rig: Rig) -> None:
    async def start(model: str) -> WorkerProcess:
        handle = await runner.start(rig.registry.folder(rig.make(model=model, request=VideoRequest(profile="fast"))))
        runner._idle.append(runner._busy.pop(handle))  # as when its job has ended
        return runner._idle[-1]

    await runner.warm_up()
    (first,) = runner._workers
    assert [await start(model) for model in ("infinitetalk", "preview", "infinitetalk")] == [first] * 3
    second = await start("longcat")
    assert first.process.returncode == -signal.SIGKILL
    assert runner._workers == [second]
    assert second.is_alive
    assert await start("longcat") is second


def test_a_worker_that_lives_but_does_nothing_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    watchdog = Watchdog(60.0)
    watchdog.start()
    watchdog.see_heartbeat(5.0)
    monkeypatch.setattr("app.jobs.runners.process._IDLE_SECONDS", 0.0)
    watchdog.see_heartbeat(5.5)
    assert watchdog.is_stuck
    monkeypatch.setattr("app.jobs.runners.process._IDLE_SECONDS", 1800.0)
    watchdog.see_heartbeat(6.5)
    assert not watchdog.is_stuck
