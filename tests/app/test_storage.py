"""One folder a job."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import DataFolderError, JobNotFoundError, JobSetAsideError, StorageError
from app.records import SCHEMA_VERSION, JobRecord, Resolved
from app.storage import JobStore, explain_full_disk
from pipeline.request import Crop, VideoRequest

FIRST_VERSION = (
    '{"id":"JOB_ID","status":"done","model":"preview","request":{"profile":"preview","prompt":"a choir",'
    '"start_seconds":0.0,"max_duration_seconds":null,"seed":null,"framing":{"aspect":"auto","face":null,"zoom":1.0,'
    '"shift_x":0.0,"shift_y":0.0},"num_inference_steps":null,"guidance_scale":null,"audio_guidance_scale":null},'
    '"created_at":"2026-11-20T10:00:00.5Z","started_at":"2026-11-20T10:00:00.6Z","finished_at":"2026-11-20T10:00:03Z",'
    '"expires_at":"2026-11-21T10:00:03Z","attempts":1,"handle":null,"speech_seconds":1.2,"notices":[],"result":'
    '{"num_frames":30,"speech_seconds":1.2,"compute_seconds":2.2,"width":832,"height":480,"frame_rate":25,"seed":7,'
    '"timings":{"photo":0.2},"notices":[],"cost":null},"error":null,"erased":false}'
)
"""As 0.1.0 wrote it."""


def make_record(job_id: str) -> JobRecord:
    return JobRecord(
        id=job_id,
        model="preview",
        request=VideoRequest(profile="preview", prompt="Ünïcode \x00 \u2028"),
        created_at=datetime.now(UTC),
        speech_seconds=1.5,
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = JobStore(tmp_path / "data")
    yield store
    store.close()


def test_a_record_is_read_as_it_was_written(store: JobStore) -> None:
    job_id, folder = store.create()
    record = make_record(job_id)
    folder.write(record)
    assert store.folder(job_id).read() == record
    assert list(store.load()) == [record]


@pytest.mark.parametrize("job_id", ["", ".", "..", "../data", "a" * 21, "a" * 23, "a" * 21 + "/", "é" * 22])
def test_finds_no_folder_for_what_is_no_id(job_id: str, store: JobStore) -> None:
    with pytest.raises(JobNotFoundError):
        store.folder(job_id)


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("photo",),
        ("photo", "voice", "scene.safetensors.part"),
        ("photo", "voice", "scene.safetensors", "job.json.part"),
    ],
)
def test_deletes_what_was_never_submitted_whole(names: tuple[str, ...], store: JobStore) -> None:
    _, folder = store.create()
    for name in names:
        (folder.path / name).touch()
    assert list(store.load()) == []
    assert not folder.path.exists()
    assert store.num_set_aside == 0


def change(record: str, **changes: object) -> str:
    return json.dumps(json.loads(record) | changes)


UNREADABLE: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "cut": lambda record: record[: len(record) // 2],
    "garbage": lambda _: "\x00\xff" * 500,
    "another kind of JSON": lambda _: "[1, 2]",
    "unknown status": lambda record: change(record, status="paused"),
    "unknown model": lambda record: change(record, model="longdog"),
    "unknown profile": lambda record: change(record, request={"profile": "cinema"}),
    "unknown aspect": lambda record: change(record, request={"profile": "preview", "framing": {"aspect": "21:9"}}),
    "a newer version": lambda record: change(record, schema_version=SCHEMA_VERSION + 1),
    "a time without a zone": lambda record: change(record, created_at="2026-01-31T12:00:00"),
    "a length that is none": lambda record: record.replace('"speech_seconds":1.5', '"speech_seconds":NaN'),
    "the record of another job": lambda record: change(record, id="a" * 22),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_sets_aside_what_cannot_be_read_with_its_video(kind: str, store: JobStore) -> None:
    job_id, folder = store.create()
    folder.write(make_record(job_id))
    damaged = UNREADABLE[kind]((folder.path / "job.json").read_text())
    (folder.path / "job.json").write_text(damaged)
    folder.video.write_bytes(b"mp4")
    for _ in range(2):  # at every start
        assert list(store.load()) == []
    assert (folder.video.read_bytes(), (folder.path / "job.json").read_text()) == (b"mp4", damaged)
    assert store.num_set_aside == 1
    assert isinstance(store.explain_missing(job_id), JobSetAsideError)


def test_deletes_what_a_power_cut_left_of_a_batch(store: JobStore) -> None:
    _, folder = store.begin()
    folder.photo.write_bytes(b"photo")
    (folder.path / "job.json").touch()
    assert list(store.load()) == []
    assert (store.num_set_aside, folder.path.exists()) == (0, False)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_sets_aside_a_record_that_is_no_file(make: Callable[[Path], None], store: JobStore) -> None:
    _, folder = store.create()
    make(folder.path / "job.json")
    assert list(store.load()) == []
    assert store.num_set_aside == 1


def test_sets_aside_a_video_without_a_record(store: JobStore) -> None:
    _, folder = store.create()
    folder.video.write_bytes(b"mp4")
    assert list(store.load()) == []
    assert folder.video.exists()
    assert store.num_set_aside == 1


def test_what_is_set_aside_is_in_the_log_without_a_word_of_it(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    job_id, folder = store.create()
    folder.write(make_record(job_id))
    (folder.path / "job.json").write_text(change((folder.path / "job.json").read_text(), status="a secret garden"))
    list(store.load())
    assert "status" in caplog.text
    assert job_id[:6] in caplog.text
    assert job_id not in caplog.text
    assert "garden" not in caplog.text


def test_reads_the_records_of_the_first_version(store: JobStore) -> None:
    job_id, folder = store.create()
    (folder.path / "job.json").write_text(FIRST_VERSION.replace("JOB_ID", job_id))
    (record,) = store.load()
    assert (record.status, record.result.seed, record.resolved) == ("done", 7, None)
    assert folder.read_request().seed is None


def test_reads_the_records_of_the_second_version(store: JobStore) -> None:
    job_id, folder = store.create()
    framing = {"aspect": "9:16", "face": 1, "zoom": 1.5, "shift_x": 0.1, "shift_y": -0.2}
    asked = {"profile": "preview", "start_seconds": 1.5, "max_duration_seconds": 4.0, "seed": None, "framing": framing}
    text = FIRST_VERSION.replace("JOB_ID", job_id)
    (folder.path / "job.json").write_text(change(text, schema_version=2, request=asked, resolved={"seed": 11}))
    crop = Crop(1.5, 0.1, -0.2)
    expected = VideoRequest(aspect="9:16", face=1, crop=crop, start_sec=1.5, max_duration_sec=4.0, seed=11)
    assert folder.read_request() == expected
    assert folder.inputs == {"image": folder.photo, "audio": folder.voice}
    folder.write(folder.read())
    written = json.loads((folder.path / "job.json").read_text())
    assert (written["schema_version"], written["request"]["start_sec"]) == (SCHEMA_VERSION, 1.5)
    assert folder.read_request() == expected


@pytest.mark.parametrize("name", ["../../notes", "/etc/passwd", "..", "", "photo\n"])
def test_an_input_lies_in_the_job_s_own_folder(name: str, store: JobStore) -> None:
    job_id, folder = store.create()
    folder.write(make_record(job_id))
    text = change((folder.path / "job.json").read_text(), inputs={"image": name, "audio": "voice"})
    (folder.path / "job.json").write_text(text)
    with pytest.raises(ValidationError):
        folder.read()


def test_keeps_the_fields_of_a_newer_version(store: JobStore) -> None:
    job_id, folder = store.create()
    folder.write(make_record(job_id))
    text = change((folder.path / "job.json").read_text(), owner="k1", request={"profile": "preview", "voices": 2})
    (folder.path / "job.json").write_text(text)
    folder.write(folder.read().model_copy(update={"attempts": 1}))
    written = json.loads((folder.path / "job.json").read_text())
    assert (written["owner"], written["request"]["voices"], written["attempts"]) == ("k1", 2, 1)
    assert folder.read_request().profile == "preview"


def test_every_run_of_a_job_has_the_seed_that_was_drawn(store: JobStore) -> None:
    job_id, folder = store.create()
    folder.write(make_record(job_id).model_copy(update={"resolved": Resolved(seed=469157607)}))
    assert folder.read_request().seed == 469157607


def test_leaves_what_is_not_its_own(store: JobStore, tmp_path: Path) -> None:
    notes = tmp_path / "data" / "jobs" / "notes" / "a.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    assert list(store.load()) == []
    assert notes.exists()


def test_one_job_that_cannot_be_read_does_not_hide_the_others(store: JobStore) -> None:
    _, broken = store.create()
    (broken.path / "job.json").mkdir()
    job_id, folder = store.create()
    folder.write(make_record(job_id))
    assert [record.id for record in store.load()] == [job_id]


def test_does_not_take_a_folder_for_another_job(store: JobStore) -> None:
    job_id, folder = store.create()
    _, copy = store.create()
    folder.write(make_record(job_id))
    copy.write(make_record(job_id))
    assert [record.id for record in store.load()] == [job_id]


def test_says_that_the_disk_is_full(store: JobStore) -> None:
    with store.receive() as folder:
        (folder / "image").symlink_to("/dev/full")
        with pytest.raises(StorageError, match="No space left on device"), explain_full_disk():
            (folder / "image").write_bytes(b"photo")


def test_ids_cannot_be_guessed(store: JobStore) -> None:
    ids = {store.create()[0] for _ in range(50)}
    assert len(ids) == 50
    assert {len(job_id) for job_id in ids} == {22}


def test_uploads_are_deleted_even_those_of_a_server_that_was_killed(tmp_path: Path) -> None:
    first = JobStore(tmp_path)
    with first.receive() as folder, first.receive() as left:
        first.close()
        JobStore(tmp_path).close()
        assert not left.exists()
        folder.mkdir(parents=True)
    assert not folder.exists()


def test_one_server_at_a_time_has_the_folder(store: JobStore, tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="used by another server"):
        JobStore(tmp_path / "data")
    store.close()
    JobStore(tmp_path / "data").close()
