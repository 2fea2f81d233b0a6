"""Finished videos in a bucket, which a folder stands for that refuses what a mounted one does."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.bucket import mark_bucket, move_to_bucket
from app.main import create_app
from app.settings import Settings
from app.storage import BUCKET_MARK, JobFolder

REFUSED = {"os.rename", "os.chmod", "os.link", "os.symlink", "os.truncate", "os.chown"}
mounted: list[str] = []
"""Folders that behave like a mounted bucket."""


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to rename, link or change a file below a mounted folder, or to write into one that is there."""
    if not mounted:
        return
    if event == "open":
        path, flags = arguments[0], arguments[2]
        is_change = flags & (os.O_WRONLY | os.O_RDWR) and not flags & os.O_EXCL
        paths = [path] if is_change else []
    else:
        paths = list(arguments[event == "os.symlink" :]) if event in REFUSED else []  # links may lead there
    if any(isinstance(path, str | os.PathLike) and Path(path).parent.as_posix() in mounted for path in paths):
        raise PermissionError(errno.EPERM, "Operation not permitted")


sys.addaudithook(refuse)


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "bucket"
    folder.mkdir()
    mounted.append(str(folder))
    mark_bucket(folder, tmp_path)
    yield folder
    mounted.clear()


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "job")
    folder.path.mkdir()
    folder.video.write_bytes(b"mp4")
    folder.poster.write_bytes(b"jpeg")
    return folder


def test_the_stand_in_refuses_what_a_bucket_does(bucket: Path) -> None:
    file = bucket / "new"
    file.open("xb").close()
    for change in (lambda: file.rename(bucket / "other"), lambda: file.open("ab"), lambda: file.open("r+b")):
        with pytest.raises(PermissionError):
            change()


def test_a_job_s_video_is_served_from_the_bucket_and_deleted_there(
    tmp_path: Path, bucket: Path, photo: bytes, voice: bytes
) -> None:
    settings = Settings(data_dir=tmp_path / "data", bucket_dir=bucket, page=False, live="off")
    with TestClient(create_app(settings)) as http:
        data = {"profile": "preview", "max_duration_sec": 1}
        job = http.post("/jobs", files={"image": photo, "audio": voice}, data=data).json()
        end = time.monotonic() + 120
        while http.get(job["links"]["job"]).json()["status"] != "done" and time.monotonic() < end:
            time.sleep(0.1)
        names = list_videos(bucket)
        assert names == {f"{job['job_id']}-video.mp4", f"{job['job_id']}-poster.jpg"}
        assert (tmp_path / "data/jobs" / job["job_id"] / "video.mp4").is_symlink()
        video = http.get(f"/jobs/{job['job_id']}/video", headers={"Range": "bytes=0-9"})
        assert (video.status_code, video.content[4:8]) == (206, b"ftyp")
        http.delete(f"/jobs/{job['job_id']}")
        assert list_videos(bucket) == set()


def test_goes_on_after_a_move_that_was_broken_off(folder: JobFolder, bucket: Path) -> None:
    (bucket / "job-video.mp4").open("xb").close()
    for _ in range(2):
        move_to_bucket(folder, bucket)
        assert (folder.video.read_bytes(), folder.poster.read_bytes()) == (b"mp4", b"jpeg")
    assert len(list_videos(bucket)) == 2


def test_a_video_that_the_bucket_does_not_take_stays(folder: JobFolder, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        move_to_bucket(folder, tmp_path / "away")
    assert not folder.video.is_symlink()
    assert folder.video.read_bytes() == b"mp4"


def test_takes_nothing_for_deleted_while_the_bucket_is_away(folder: JobFolder, bucket: Path) -> None:
    move_to_bucket(folder, bucket)
    away = bucket.rename(bucket.with_name("away"))
    for _ in range(2):
        with pytest.raises(OSError, match="No such file"):
            folder.delete_files()
        assert folder.video.is_symlink() or folder.poster.is_symlink()
        assert folder.has_video
        bucket.mkdir(exist_ok=True)  # as a mount point is there without its mount
    with pytest.raises(OSError, match="is not there now"):
        mark_bucket(bucket, folder.path.parent)
    other = JobFolder(folder.path.with_name("other"))
    other.path.mkdir()
    other.video.write_bytes(b"mp4")
    with pytest.raises(OSError, match="No such file"):
        move_to_bucket(other, bucket)
    assert list(bucket.iterdir()) == []
    bucket.rmdir()
    away.rename(bucket)
    folder.delete_files()
    assert list_videos(bucket) == set(folder.path.iterdir()) == set()


def test_leaves_nothing_in_the_bucket_that_no_link_leads_to(
    folder: JobFolder, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_meanwhile(*_: object) -> None:
        folder.video.unlink()

    folder.poster.unlink()
    monkeypatch.setattr("shutil.copyfileobj", delete_meanwhile)
    with pytest.raises(FileNotFoundError):
        move_to_bucket(folder, bucket)
    assert list_videos(bucket) == set(folder.path.iterdir()) == set()


def list_videos(bucket: Path) -> set[str]:
    return {path.name for path in bucket.iterdir() if path.name != BUCKET_MARK}
