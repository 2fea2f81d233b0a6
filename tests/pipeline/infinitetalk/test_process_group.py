"""Several ranks behind the engine: what they make, how they stop, and what becomes of a job when one dies."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from pipeline.distributed.rank import find_device
from pipeline.engine import EngineSettings
from pipeline.errors import EngineError, EngineUnavailableError, GenerationCancelledError
from pipeline.infinitetalk.engine import InfiniteTalkEngine
from pipeline.scene import Scene, Still
from pipeline.types import Box, Pixels, Progress
from tests.pipeline.infinitetalk.conftest import FACE

MakeScene = Callable[..., Scene]


def ignore(progress: Progress) -> None:
    del progress


def generate(engine: InfiniteTalkEngine, scene: Scene) -> Pixels:
    return np.concatenate(list(engine.generate(scene, ignore)))


def open_engine(prepared: Path, num_processes: int) -> Iterator[InfiniteTalkEngine]:
    engine = InfiniteTalkEngine(EngineSettings(prepared, "cpu", num_gpus=num_processes))
    engine.load(ignore)
    yield engine
    engine._ranks.close()


@pytest.fixture(scope="module")
def pair(prepared: Path) -> Iterator[InfiniteTalkEngine]:
    yield from open_engine(prepared, 2)


@pytest.fixture(scope="module")
def trio(prepared: Path) -> Iterator[InfiniteTalkEngine]:
    yield from open_engine(prepared, 3)


@pytest.fixture
def two_clips(make_scene: MakeScene) -> Scene:
    """Two clips with two passes a step."""
    scene = make_scene(5.04, steps=7)
    object.__setattr__(scene.sampling, "audio_guidance_scale", 2.0)
    return scene


def assert_alike(frames: Pixels, expected: Pixels) -> None:
    assert frames.shape == expected.shape
    assert np.abs(frames.astype(int) - expected).max() <= 1


def test_each_guidance_branch_on_a_rank_of_its_own_makes_the_same_video(
    engine: InfiniteTalkEngine, pair: InfiniteTalkEngine, two_clips: Scene
) -> None:
    assert_alike(generate(pair, two_clips), generate(engine, two_clips))


def test_tokens_on_two_processes_make_the_same_video(
    engine: InfiniteTalkEngine, pair: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    scene = make_scene(1.1, "low_vram", steps=7, guidance=2.0)
    assert_alike(generate(pair, scene), generate(engine, scene))


def test_three_processes_make_the_same_video(
    engine: InfiniteTalkEngine, trio: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    scene = make_scene(1.1, steps=7, guidance=2.0)
    assert_alike(generate(trio, scene), generate(engine, scene))


def test_people_on_two_processes_make_the_same_video(
    engine: InfiniteTalkEngine, pair: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    faces = tuple(replace(FACE, box=Box(x, 10, x + 40, 60)) for x in (10, 80))
    scene = make_scene(1.1, side=128, faces=faces, num_speakers=2)
    assert_alike(generate(pair, scene), generate(engine, scene))


def test_progress_is_told_once(engine: InfiniteTalkEngine, pair: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    scene = make_scene(1.1, steps=2)
    told, expected = [], []
    list(pair.generate(scene, told.append))
    list(engine.generate(scene, expected.append))
    assert told == expected


@pytest.mark.parametrize("stage", ["conditioning", "denoising", "frames"])
def test_all_stop_where_the_job_is_cancelled(pair: InfiniteTalkEngine, make_scene: MakeScene, stage: str) -> None:
    told: list[Progress] = []

    def cancel(progress: Progress) -> None:
        told.append(progress)
        if progress.stage == stage:
            raise GenerationCancelledError

    processes = pair._ranks._processes
    with pytest.raises(GenerationCancelledError):
        list(pair.generate(make_scene(1.1, steps=2), cancel))
    assert [progress.stage for progress in told].count(stage) == 1
    assert len(generate(pair, make_scene(1.1))) == 27
    assert pair._ranks._processes is processes


def test_a_video_that_nobody_wants_to_the_end_leaves_the_processes_usable(
    pair: InfiniteTalkEngine, make_scene: MakeScene
) -> None:
    frames = pair.generate(make_scene(5.04), ignore)
    next(frames)
    frames.close()
    assert len(generate(pair, make_scene(1.1))) == 27


def test_a_killed_process_fails_the_job_and_the_next_one_works(pair: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    scene = make_scene(1.1, steps=4, guidance=2.0)
    victim = pair._ranks._processes[0].pid

    def kill(progress: Progress) -> None:
        if progress.stage == "denoising" and progress.step == 3:
            os.kill(victim, signal.SIGKILL)

    with pytest.raises(EngineError, match="SIGKILL"):
        list(pair.generate(scene, kill))
    assert not pair._ranks.is_loaded
    with pytest.raises(EngineError, match="load"):
        generate(pair, scene)
    pair.load(ignore)
    assert len(generate(pair, scene)) == 27


def test_a_process_that_dies_between_two_jobs_is_started_again(pair: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    victim = pair._ranks._processes[1]
    victim.kill()
    victim.join()
    pair.load(ignore)
    assert len(generate(pair, make_scene(1.1))) == 27


def test_an_error_reaches_the_job_and_the_next_one_works(pair: InfiniteTalkEngine, make_scene: MakeScene) -> None:
    scene = replace(make_scene(1.1), source=Still(np.zeros((50, 64, 3), np.uint8)))
    with pytest.raises(EngineError, match="64 divides, got 64 x 50"):
        generate(pair, scene)
    pair.load(ignore)
    assert len(generate(pair, make_scene(1.1))) == 27


def test_loading_can_be_cancelled(prepared: Path) -> None:
    def cancel(progress: Progress) -> None:
        raise GenerationCancelledError

    engine = InfiniteTalkEngine(EngineSettings(prepared, "cpu", num_gpus=2))
    with pytest.raises(GenerationCancelledError):
        engine.load(cancel)
    assert not engine._ranks.is_loaded


def test_processes_end_with_the_one_that_started_them(prepared: Path) -> None:
    def start(pids: Connection) -> None:
        # The server that forks is this test's: it answers, though it is no child of this process.
        forkserver._forkserver.ensure_running = lambda: None
        engine = InfiniteTalkEngine(EngineSettings(prepared, "cpu", num_gpus=2))
        engine.load(ignore)
        pids.send([process.pid for process in engine._ranks._processes])
        os.kill(os.getpid(), signal.SIGKILL)

    # Forked, as the libraries take a while to import.
    forked = multiprocessing.get_context("fork")
    ours, theirs = forked.Pipe()
    starter = forked.Process(target=start, args=(theirs,))
    starter.start()
    theirs.close()
    pids = ours.recv()
    starter.join()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_says_how_many_gpus_there_are() -> None:
    with pytest.raises(EngineUnavailableError, match="Expected 2 GPUs from cuda:63 on"):
        find_device(EngineSettings(None, "cuda:63", num_gpus=2), 1)
