"""One folder a job."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import DataFolderError, JobNotFoundError, StorageError
from app.records import JobRecord, JobRequest
from app.storage import JobStore, explain_full_disk


def make_record(job_id: str) -> JobRecord:
    return JobRecord(
        id=job_id,
        model="preview",
        request=JobRequest(profile="preview", prompt="Ünïcode \x00 \u2028"),
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


@pytest.mark.parametrize("content", [None, "", "{", '{"id": 5}'])
def test_deletes_folders_of_jobs_that_were_never_promised(content: str | None, store: JobStore) -> None:
    _, folder = store.create()
    folder.photo.write_bytes(b"photo")
    if content is not None:
        (folder.path / "job.json").write_text(content)
    assert list(store.load()) == []
    assert not folder.path.exists()


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
    assert broken.path.exists()


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
