"""What a worker does with a job's folder."""

import asyncio
import os
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.decoding import Decoders, DecoderSettings
from app.jobs.checks import accept
from app.jobs.runners.protocol import RunEnd
from app.jobs.runners.work import attempt
from app.scene_file import read_scene, write_scene
from app.settings import Settings
from app.storage import JobFolder, JobStore
from pipeline.engine import EngineSettings
from pipeline.engines import create_engine
from pipeline.notices import Notice
from pipeline.request import Inputs, VideoRequest
from pipeline.types import Progress
from pipeline.version import VERSION
from tests.app.conftest import cut_voice
from tests.app.test_storage import make_record
from tests.photos import HOPPER


def run(folder: JobFolder, seen: list[Progress] | None = None) -> RunEnd:
    report = (lambda _: None) if seen is None else seen.append
    return attempt(folder, lambda model: create_engine(model, EngineSettings()), report)


def submit(inputs: Inputs, folder: JobFolder) -> None:
    """Take a request as the server does, with a decoder."""

    async def use() -> None:
        decoders = Decoders(DecoderSettings(server_pid=os.getpid()))
        settings, now = Settings(), datetime.now(UTC)
        try:
            await accept(VideoRequest(), inputs, folder, now, settings=settings, decoders=decoders)
        finally:
            await decoders.close()

    asyncio.run(use())


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> JobFolder:
    """A job that was submitted, without a seed."""
    path = tmp_path_factory.mktemp("submitted")
    (path / "voice").write_bytes(cut_voice(1.2))
    with closing(JobStore(path / "data")) as store:
        _, folder = store.create()
    submit({"image": HOPPER, "audio": path / "voice"}, folder)
    return folder


@pytest.fixture
def folder(submitted: JobFolder, tmp_path: Path) -> JobFolder:
    """A copy of it, to be run."""
    return JobFolder(shutil.copytree(submitted.path, tmp_path / submitted.path.name))


@pytest.mark.parametrize(("lost", "field"), [("photo", "image"), ("voice", "audio")])
def test_says_which_file_was_lost(lost: str, field: str, tmp_path: Path) -> None:
    with closing(JobStore(tmp_path)) as store:
        job_id, folder = store.create()
    folder.write(make_record(job_id))
    for name in {"photo", "voice"} - {lost}:
        (folder.path / name).touch()
    assert run(folder).error == Notice("request.file_gone", field)


def test_the_record_keeps_the_request_as_it_was_resolved(folder: JobFolder) -> None:
    record = folder.read()
    assert (record.version, record.inputs) == (VERSION, {"image": "photo", "audio": "voice"})
    assert (record.owner, record.batch_id, record.reference) == (None, None, None)
    resolved = record.resolved
    assert (resolved.seconds, resolved.width, resolved.height) == (1.2, 576, 704)
    assert (resolved.num_inference_steps, resolved.guidance_scale, resolved.options) == (0, 1.0, {})
    assert run(folder).result.seed == resolved.seed


def test_what_was_checked_is_what_runs(folder: JobFolder) -> None:
    """The photo is gone bad since: it is not opened again, nor is a face or a voice looked for."""
    seen: list[Progress] = []
    assert run(folder).status == "done"
    video = folder.video.read_bytes()
    folder.video.unlink()
    folder.photo.write_bytes(b"no picture")
    end = run(folder, seen)
    assert (end.status, end.result.seed) == ("done", folder.read().resolved.seed)
    assert folder.video.read_bytes() == video
    assert not {"photo", "voice"} & {progress.stage for progress in seen}


def test_a_job_of_an_older_version_is_prepared_when_it_runs(folder: JobFolder) -> None:
    assert run(folder).status == "done"
    video = folder.video.read_bytes()
    folder.scene.unlink()
    assert run(folder).status == "done"
    assert folder.video.read_bytes() == video


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"speech_seconds": 600.0}, {"profile": "fast"}], ids=["seed", "length", "profile"]
)
def test_another_job_s_scene_is_refused(change: dict[str, object], folder: JobFolder) -> None:
    scene = read_scene(folder.scene, folder.voice)
    record = folder.read()
    match change:
        case {"seed": _}:
            write_scene(folder.scene, replace(scene, seed=scene.seed ^ 1), folder.voice)
        case {"speech_seconds": seconds}:
            folder.write(record.model_copy(update={"speech_seconds": seconds}))
        case {"profile": name}:
            folder.write(record.model_copy(update={"request": replace(record.request, profile=name)}))
    assert run(folder).error == Notice("job.unexpected", "request")
    assert not folder.video.exists()


def test_a_damaged_scene_ends_the_job_with_a_reason(folder: JobFolder) -> None:
    shutil.copyfile(HOPPER, folder.scene)
    assert run(folder).error == Notice("job.unexpected", "request")
