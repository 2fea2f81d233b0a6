"""The GPU's side of a job."""

import json
from datetime import UTC, datetime

import pytest

from app.records import JobRequest
from app.remote.outcome import read_end
from app.remote.worker import MAX_ATTEMPTS
from app.storage import JobFolder
from pipeline.notices import Notice
from tests.app.remote.conftest import ASSETS, FixedLimits, GreyEngine, MemoryDesk, make_worker


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
    assert desk.num_saves == 2  # the end, and then that photo and voice are gone


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
    assert (end.error.code, end.error.about) == ("remote.time_limit", "request")


def test_tells_what_a_run_cost_that_was_ended(folder: JobFolder, desk: MemoryDesk) -> None:
    end = make_worker(folder, desk, GreyEngine(), limit_seconds=0.0).run(folder.path.name).end
    assert end.cost.gpu == "NVIDIA H100 80GB HBM3"
    assert end.cost.dollars is not None


def test_counts_the_seconds_of_runs_that_were_lost(folder: JobFolder, desk: MemoryDesk) -> None:
    test_leaves_nothing_half_done_when_it_is_killed(folder, desk)
    key = f"{folder.path.name}/progress"
    desk.notes[key] = json.dumps(json.loads(desk.notes[key]) | {"seconds": 100.0})
    end = make_worker(folder, desk, GreyEngine()).run(folder.path.name).end
    assert 100.0 < end.cost.seconds < 160.0
    assert end.result.compute_seconds < 60.0


def test_tells_what_runs_cost_that_were_given_up(folder: JobFolder, desk: MemoryDesk) -> None:
    desk.notes[f"{folder.path.name}/attempts"] = "3 250.0"
    end = make_worker(folder, desk, GreyEngine()).run(folder.path.name).end
    assert (end.error.code, end.cost.seconds) == ("remote.crashed", 250.0)


@pytest.mark.parametrize("limit_seconds", [60.0, 0.0])
def test_deletes_photo_and_voice_once_its_end_is_kept(
    folder: JobFolder, desk: MemoryDesk, limit_seconds: float
) -> None:
    make_worker(folder, desk, GreyEngine(), limit_seconds).run(folder.path.name)
    assert not folder.photo.exists()
    assert not folder.voice.exists()
    assert read_end(folder) is not None
    assert desk.inputs_at_saves == [True, False]


def test_deletes_what_a_run_left_that_was_killed_after_its_end(folder: JobFolder, desk: MemoryDesk) -> None:
    first = make_worker(folder, desk, GreyEngine()).run(folder.path.name)
    folder.photo.write_bytes(b"photo")
    assert make_worker(folder, desk, GreyEngine()).run(folder.path.name) == first
    assert not folder.photo.exists()


def test_tells_when_the_run_was(folder: JobFolder, desk: MemoryDesk) -> None:
    before = datetime.now(UTC)
    end = make_worker(folder, desk, GreyEngine()).run(folder.path.name).end
    note = json.loads(desk.notes[f"{folder.path.name}/progress"])
    assert before <= end.started_at < end.finished_at <= datetime.now(UTC)
    assert datetime.fromisoformat(note["started_at"]) == end.started_at


def test_refuses_every_job_where_no_video_can_be_made(folder: JobFolder, desk: MemoryDesk) -> None:
    refusal = Notice("remote.not_started", "request", {"attempts": 3, "reason": "No GPU."})
    worker = make_worker(folder, desk, GreyEngine(), refusal=refusal)
    assert worker.run(folder.path.name).end.error == refusal


def test_has_room_for_a_video_of_the_command_line(folder: JobFolder, desk: MemoryDesk) -> None:
    asked: list[float] = []

    class Limits(FixedLimits):
        def find(self, request: JobRequest, speech_seconds: float = 0.0, *_: object) -> float:
            asked.append(speech_seconds)
            return super().find(request)

    worker = make_worker(folder, desk, GreyEngine(), limits=Limits({"fast": 60.0}))
    photo, voice = (ASSETS / "photos/grace_hopper.jpg").read_bytes(), (ASSETS / "voices/joe.wav").read_bytes()
    worker.make(photo, voice, {"profile": "fast", "max_duration_seconds": 1.2}, "command")
    assert asked == [pytest.approx(1.2)]


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
