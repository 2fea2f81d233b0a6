"""The GPU's side of a job."""

import pytest

from app.remote.worker import MAX_ATTEMPTS
from app.storage import JobFolder
from tests.app.remote.conftest import ASSETS, GreyEngine, MemoryDesk, make_worker


class ContainerKilledError(BaseException):
    """What ends a run from outside."""


def test_hands_over_the_video(folder: JobFolder, desk: MemoryDesk) -> None:
    delivery = make_worker(folder, desk, GreyEngine()).run(folder.path.name)
    assert delivery.end.status == "done"
    assert delivery.video[4:8] == b"ftyp"
    assert delivery.poster[:2] == b"\xff\xd8"


def test_keeps_the_video_in_the_job_s_folder_and_saves_it(folder: JobFolder, desk: MemoryDesk) -> None:
    delivery = make_worker(folder, desk, GreyEngine()).run(folder.path.name)
    assert folder.video.read_bytes() == delivery.video
    assert desk.num_saves == 1


def test_keeps_what_it_cost(folder: JobFolder, desk: MemoryDesk) -> None:
    delivery = make_worker(folder, desk, GreyEngine()).run(folder.path.name)
    cost = delivery.end.result.cost
    assert cost.gpu == "NVIDIA H100 80GB HBM3"
    assert cost.dollars == pytest.approx(cost.seconds * 0.001097, abs=1e-4)


def test_hands_over_the_same_video_when_it_is_begun_again(folder: JobFolder, desk: MemoryDesk) -> None:
    engine = GreyEngine()
    first = make_worker(folder, desk, engine).run(folder.path.name)
    assert make_worker(folder, desk, engine).run(folder.path.name) == first
    assert engine.num_runs == 1


def test_leaves_nothing_half_done_when_it_is_killed(folder: JobFolder, desk: MemoryDesk) -> None:
    def die(step: int) -> None:
        if step == 3:
            raise ContainerKilledError

    with pytest.raises(ContainerKilledError):
        make_worker(folder, desk, GreyEngine(on_step=die)).run(folder.path.name)
    assert {path.name for path in folder.path.iterdir()} == {"job.json", "photo", "voice"}


def test_begins_anew_after_it_was_killed(folder: JobFolder, desk: MemoryDesk) -> None:
    test_leaves_nothing_half_done_when_it_is_killed(folder, desk)
    assert make_worker(folder, desk, GreyEngine()).run(folder.path.name).end.status == "done"


def test_gives_up_a_job_that_kills_it_again_and_again(folder: JobFolder, desk: MemoryDesk) -> None:
    for _ in range(MAX_ATTEMPTS):
        test_leaves_nothing_half_done_when_it_is_killed(folder, desk)
    end = make_worker(folder, desk, GreyEngine()).run(folder.path.name).end
    assert end.error is not None
    assert end.error.code == "remote.crashed"


def test_ends_between_two_steps_once_it_is_cancelled(folder: JobFolder, desk: MemoryDesk) -> None:
    job_id = folder.path.name
    engine = GreyEngine(on_step=lambda _: desk.write_note(f"{job_id}/cancelled", "yes"))
    assert make_worker(folder, desk, engine).run(job_id).end.status == "cancelled"


def test_does_not_begin_what_was_cancelled_while_it_waited(folder: JobFolder, desk: MemoryDesk) -> None:
    engine = GreyEngine()
    desk.write_note(f"{folder.path.name}/cancelled", "yes")
    assert make_worker(folder, desk, engine).run(folder.path.name).end.status == "cancelled"
    assert engine.num_runs == 0


def test_stops_at_the_profile_s_time_limit(folder: JobFolder, desk: MemoryDesk) -> None:
    end = make_worker(folder, desk, GreyEngine(), limit_seconds=0.0).run(folder.path.name).end
    assert end.status == "failed"
    assert "the limit of its profile" in end.error.text


def test_says_that_photo_and_voice_are_missing(folder: JobFolder, desk: MemoryDesk) -> None:
    folder.voice.unlink()
    end = make_worker(folder, desk, GreyEngine()).run(folder.path.name).end
    assert end.error.code == "remote.files_missing"


def test_notes_how_far_it_is(folder: JobFolder, desk: MemoryDesk) -> None:
    make_worker(folder, desk, GreyEngine()).run(folder.path.name)
    assert desk.stages(folder.path.name) == "finishing"


def test_makes_a_video_of_files_that_belong_to_no_job(folder: JobFolder, desk: MemoryDesk) -> None:
    photo, voice = (ASSETS / "photos/grace_hopper.jpg").read_bytes(), (ASSETS / "voices/joe.wav").read_bytes()
    request = {"profile": "fast", "max_duration_seconds": 1.2}
    end, video = make_worker(folder, desk, GreyEngine()).make(photo, voice, request, "command")
    assert (end.status, video[4:8]) == ("done", b"ftyp")
    assert desk.stages("command") == "finishing"
