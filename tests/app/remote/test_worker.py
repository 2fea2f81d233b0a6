"""The GPU's side of a job."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from app.decoding.samples import sample_frames
from app.jobs.runners.protocol import EVENTS, read_end
from app.remote import check_files, choose_mark, sign_video
from app.remote.command import record_scene
from app.remote.store import is_live
from app.remote.worker import MAX_ATTEMPTS
from app.scene_file import write_scene
from app.settings import Settings
from app.storage import JobFolder
from pipeline.credentials import TrustFolder, read_credentials
from pipeline.engine import Reporter, Resumption
from pipeline.generate import prepare_scene
from pipeline.notices import Notice
from pipeline.request import Role, VideoRequest
from pipeline.scene import Scene
from pipeline.types import Pixels
from pipeline.watermark import read_mark
from tests.app.remote.conftest import ASSETS, FixedLimits, GreyEngine, MemoryContext, make_worker

PHOTO = (ASSETS / "photos/grace_hopper.jpg").read_bytes()
VOICES: dict[Role, bytes] = {"audio": (ASSETS / "voices/joe.wav").read_bytes()}
REQUEST = {"profile": "fast", "max_duration_sec": 1.2}


class ContainerKilledError(BaseException):
    """What ends a run from outside."""


def test_hands_over_the_video(folder: JobFolder, context: MemoryContext) -> None:
    payload = make_worker(folder, context, GreyEngine()).run(folder.path.name)
    assert payload.end.status == "done"
    assert payload.video[4:8] == b"ftyp"
    assert payload.poster[:2] == b"\xff\xd8"


def test_keeps_the_video_in_the_job_s_folder_and_saves_it(folder: JobFolder, context: MemoryContext) -> None:
    payload = make_worker(folder, context, GreyEngine()).run(folder.path.name)
    assert folder.video.read_bytes() == payload.video
    assert context.num_saves == 2  # the end, and then that photo and voice are gone


def test_keeps_what_it_cost(folder: JobFolder, context: MemoryContext) -> None:
    payload = make_worker(folder, context, GreyEngine()).run(folder.path.name)
    cost = payload.end.result.cost
    assert cost.gpu == "NVIDIA H100 80GB HBM3"
    assert cost.dollars == pytest.approx(cost.seconds * 0.001097, abs=1e-4)


def test_hands_over_the_same_video_when_it_is_begun_again(folder: JobFolder, context: MemoryContext) -> None:
    engine = GreyEngine()
    first = make_worker(folder, context, engine).run(folder.path.name)
    assert make_worker(folder, context, engine).run(folder.path.name) == first
    assert engine.num_runs == 1


def test_leaves_nothing_half_done_when_it_is_killed(folder: JobFolder, context: MemoryContext) -> None:
    def die(step: int) -> None:
        if step == 3:
            raise ContainerKilledError

    with pytest.raises(ContainerKilledError):
        make_worker(folder, context, GreyEngine(on_step=die)).run(folder.path.name)
    assert {path.name for path in folder.path.iterdir()} == {"job.json", "photo", "voice"}


def test_begins_anew_after_it_was_killed(folder: JobFolder, context: MemoryContext) -> None:
    test_leaves_nothing_half_done_when_it_is_killed(folder, context)
    assert make_worker(folder, context, GreyEngine()).run(folder.path.name).end.status == "done"


def test_gives_up_a_job_that_kills_it_again_and_again(folder: JobFolder, context: MemoryContext) -> None:
    for _ in range(MAX_ATTEMPTS):
        test_leaves_nothing_half_done_when_it_is_killed(folder, context)
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert end.error is not None
    assert end.error.code == "remote.crashed"


def test_ends_between_two_steps_once_it_is_cancelled(folder: JobFolder, context: MemoryContext) -> None:
    job_id = folder.path.name
    engine = GreyEngine(on_step=lambda _: context.write_value(f"{job_id}/cancelled", "yes"))
    assert make_worker(folder, context, engine).run(job_id).end.status == "cancelled"


def test_does_not_begin_what_was_cancelled_while_it_waited(folder: JobFolder, context: MemoryContext) -> None:
    engine = GreyEngine()
    context.write_value(f"{folder.path.name}/cancelled", "yes")
    assert make_worker(folder, context, engine).run(folder.path.name).end.status == "cancelled"
    assert engine.num_runs == 0


def test_stops_at_the_profile_s_time_limit(folder: JobFolder, context: MemoryContext) -> None:
    end = make_worker(folder, context, GreyEngine(), limit_seconds=0.0).run(folder.path.name).end
    assert end.status == "failed"
    assert (end.error.code, end.error.about) == ("remote.time_limit", "request")


def test_tells_what_a_run_cost_that_was_ended(folder: JobFolder, context: MemoryContext) -> None:
    end = make_worker(folder, context, GreyEngine(), limit_seconds=0.0).run(folder.path.name).end
    assert end.cost.gpu == "NVIDIA H100 80GB HBM3"
    assert end.cost.dollars is not None


def test_counts_the_seconds_of_runs_that_were_lost(folder: JobFolder, context: MemoryContext) -> None:
    test_leaves_nothing_half_done_when_it_is_killed(folder, context)
    key = f"{folder.path.name}/progress"
    context.values[key] = json.dumps(json.loads(context.values[key]) | {"seconds": 100.0})
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert 100.0 < end.cost.seconds < 160.0
    assert end.result.compute_seconds < 60.0


class DyingContext(MemoryContext):
    """Is gone before its run can report anything."""

    def write_value(self, key: str, value: str) -> None:
        if key.endswith("/progress"):
            raise ContainerKilledError
        super().write_value(key, value)


def test_counts_the_seconds_of_a_lost_run_once(folder: JobFolder, context: MemoryContext) -> None:
    test_leaves_nothing_half_done_when_it_is_killed(folder, context)
    key = f"{folder.path.name}/progress"
    context.values[key] = json.dumps(json.loads(context.values[key]) | {"seconds": 600.0})
    with pytest.raises(ContainerKilledError):
        make_worker(folder, DyingContext(context.values), GreyEngine()).run(folder.path.name)
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert 600.0 < end.cost.seconds < 660.0


@dataclass
class ClipEngine(GreyEngine):
    """Makes four frames a clip, each darker than the one before, and can go on from any of them."""

    begun_at: list[int] = field(default_factory=list)

    def identify(self) -> str:
        return "grey"

    def generate(self, scene: Scene, report: Reporter, resumption: Resumption | None = None) -> Iterator[Pixels]:
        first = int(resumption.state) if resumption and resumption.state else 0
        self.begun_at.append(first)
        for clip, frames in islice(enumerate(super().generate(scene, report)), first, None):
            if resumption:
                resumption.keep(frames - np.uint8(clip), str(clip + 1).encode())
            yield frames - np.uint8(clip)


def test_goes_on_from_the_clip_at_which_a_run_was_killed(folder: JobFolder, context: MemoryContext) -> None:
    def die(step: int) -> None:
        if step == dies_at:
            raise ContainerKilledError

    write_scene(folder.scene, prepare_scene(folder.read_request(), folder.inputs), *folder.voices)
    record_scene(folder)
    engine, job_id = ClipEngine(on_step=die), folder.path.name
    for dies_at in range(2, 2 + MAX_ATTEMPTS + 1):  # each run gets further, so none is one too many
        with pytest.raises(ContainerKilledError):
            make_worker(folder, context, engine).run(job_id)
        assert len(list(folder.checkpoint.glob("*.nut"))) == dies_at
        context.values[f"{job_id}/progress"] = json.dumps(
            json.loads(context.values[f"{job_id}/progress"]) | {"seconds": 100.0}
        )
    dies_at = -1
    end = make_worker(folder, context, engine).run(job_id).end
    assert end.status == "done"
    assert engine.begun_at == [0, 2, 3, 4, 5]
    assert 400.0 < end.cost.seconds < 460.0
    assert not folder.checkpoint.exists()


def test_tells_what_runs_cost_that_were_given_up(folder: JobFolder, context: MemoryContext) -> None:
    context.values[f"{folder.path.name}/attempts"] = "3 250.0"
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert (end.error.code, end.cost.seconds) == ("remote.crashed", 250.0)


@pytest.mark.parametrize("limit_seconds", [60.0, 0.0])
def test_deletes_its_inputs_once_its_end_is_kept(
    folder: JobFolder, context: MemoryContext, limit_seconds: float
) -> None:
    write_scene(folder.scene, prepare_scene(folder.read_request(), folder.inputs), *folder.voices)
    make_worker(folder, context, GreyEngine(), limit_seconds).run(folder.path.name)
    assert not folder.photo.exists()
    assert not folder.voice.exists()
    assert not folder.scene.exists()
    assert read_end(folder) is not None
    assert context.inputs_at_saves == [True, False]


def test_deletes_what_a_run_left_that_was_killed_after_its_end(folder: JobFolder, context: MemoryContext) -> None:
    first = make_worker(folder, context, GreyEngine()).run(folder.path.name)
    folder.photo.write_bytes(b"photo")
    assert make_worker(folder, context, GreyEngine()).run(folder.path.name) == first
    assert not folder.photo.exists()


def test_tells_when_the_run_was(folder: JobFolder, context: MemoryContext) -> None:
    before = datetime.now(UTC)
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    update = json.loads(context.values[f"{folder.path.name}/progress"])
    assert before <= end.started_at < end.finished_at <= datetime.now(UTC)
    assert datetime.fromisoformat(update["started_at"]) == end.started_at


def test_refuses_every_job_where_no_video_can_be_made(folder: JobFolder, context: MemoryContext) -> None:
    refusal = Notice("remote.not_started", "request", {"attempts": 3, "reason": "No GPU."})
    worker = make_worker(folder, context, GreyEngine(), refusal=refusal)
    assert worker.run(folder.path.name).end.error == refusal


def test_has_room_for_a_video_of_the_command_line(folder: JobFolder, context: MemoryContext) -> None:
    asked: list[float] = []

    class Limits(FixedLimits):
        def find(self, request: VideoRequest, speech_seconds: float = 0.0, *_: object) -> float:
            asked.append(speech_seconds)
            return super().find(request)

    worker = make_worker(folder, context, GreyEngine(), limits=Limits({"fast": 60.0}))
    scene = check_files(PHOTO, VOICES, REQUEST)[1]
    worker.make(scene, VOICES, REQUEST, "command")
    assert asked == [pytest.approx(1.2)]


def test_says_that_photo_and_voice_are_missing(folder: JobFolder, context: MemoryContext) -> None:
    folder.voice.unlink()
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert end.error.code == "remote.files_missing"


def test_notes_how_far_it_is(folder: JobFolder, context: MemoryContext) -> None:
    end = make_worker(folder, context, GreyEngine()).run(folder.path.name).end
    assert context.stages(folder.path.name)[-1] == "finishing"
    assert EVENTS.validate_json(context.values[f"{folder.path.name}/progress"]) == replace(end, result=None)


def test_leaves_no_live_note_of_a_cancelled_run(folder: JobFolder, context: MemoryContext) -> None:
    context.write_value(f"{folder.path.name}/cancelled", "yes")
    make_worker(folder, context, GreyEngine()).run(folder.path.name)
    assert not any(map(is_live, context.values))


def test_makes_a_video_of_files_that_belong_to_no_job(
    folder: JobFolder, context: MemoryContext, tmp_path: Path
) -> None:
    scene = check_files(PHOTO, VOICES, REQUEST)[1]
    settings, video = Settings(data_dir=tmp_path), tmp_path / "video.mp4"
    text = asyncio.run(choose_mark(settings))
    end, content = make_worker(folder, context, GreyEngine()).make(scene, VOICES, REQUEST, "command", text)
    assert (end.status, content[4:8]) == ("done", b"ftyp")
    assert context.stages("command")[-1] == "finishing"
    assert not any(map(is_live, context.values))
    signed, troubles = asyncio.run(sign_video(content, b"no archive", REQUEST, settings))
    video.write_bytes(signed)
    found, mark = read_credentials(video, TrustFolder(tmp_path / "trust").read_known()), read_mark(sample_frames(video))
    assert found is not None
    assert mark is not None
    assert (found.made_here, mark.payload.text, troubles) == (True, text, ())
