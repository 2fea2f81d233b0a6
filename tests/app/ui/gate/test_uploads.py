"""The folder of uploads: whose each is, how much there may be, when it goes."""

import os
import time
from pathlib import Path

import pytest

from app.errors import StorageError, UploadLimitError
from app.quota import ByteQuota
from app.ui.gate import UploadLimits, Uploads

ANN, BOB = "a" * 32, "b" * 32
LIMITS = UploadLimits(file_bytes=1000, client_folders=3)


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", LIMITS, ByteQuota(total_bytes=5000, client_bytes=2000))


def add(uploads: Uploads, visitor: str = ANN, client: str = "1", name: str = "me.jpg", num_bytes: int = 5) -> Path:
    with uploads.admit(visitor, client) as admission:
        admission.grow(num_bytes)
        (admission.folder / name).write_bytes(b"x" * num_bytes)
    return admission.folder / name


def test_an_upload_is_found_by_its_visitor_alone(uploads: Uploads) -> None:
    mine = add(uploads)
    assert uploads.find(str(mine), ANN) == mine
    assert uploads.find(str(mine), BOB) is None
    assert uploads.find(str(mine), "anyone") is None


def add_half(uploads: Uploads) -> None:
    with uploads.admit(ANN, "1") as admission:
        (admission.folder / "half").write_bytes(b"half")
        admission.grow(3000)


def test_what_is_made_of_an_upload_is_found_too(uploads: Uploads) -> None:
    place = uploads.make_place_beside(add(uploads), ".webp")
    place.write_bytes(b"frame")
    assert uploads.find(str(place), ANN) == place


@pytest.mark.parametrize(
    "name",
    [
        "{folder}/link",
        "{visitor}/llllllllllllllllllllll/secret",
        "{folder}/pipe",
        "{secret}",
        "{folder}",
        "{folder}/../../../secret",
        "{folder}/.",
        "{folder}//me.jpg",
        "{folder}/me.jpg\0",
        "{folder}/me.jpg/",
        "/{folder}/me.jpg",
        "{folder}/gone.jpg",
        "{visitor}/stray",
        "file://{folder}/me.jpg",
        "/dev/zero",
        "",
        "x" * 100_000,
    ],
)
def test_nothing_else_is_found(uploads: Uploads, tmp_path: Path, name: str) -> None:
    folder, secret = add(uploads).parent, tmp_path / "secret"
    for file in (secret, folder.parent / "stray"):
        file.write_text("secret")
    (folder / "link").symlink_to(secret)
    (folder.parent / ("l" * 22)).symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    path = name.format(folder=folder, visitor=folder.parent, secret=secret)
    assert uploads.find(path, ANN) is None


def test_one_client_may_have_so_many_bytes_whatever_browser_it_is(uploads: Uploads) -> None:
    add(uploads, ANN, num_bytes=1500)
    with pytest.raises(UploadLimitError):
        add(uploads, BOB, num_bytes=501)
    assert uploads.num_bytes == 1500
    assert add(uploads, BOB, client="2", num_bytes=501).is_file()


def test_one_client_may_have_so_many_uploads(uploads: Uploads) -> None:
    for _ in range(3):
        add(uploads)
    with pytest.raises(UploadLimitError):
        add(uploads)
    add(uploads, client="2")


def test_all_together_may_have_so_many_bytes(uploads: Uploads) -> None:
    for client in "123":
        add(uploads, client=client, num_bytes=1600)
    with pytest.raises(StorageError):
        add(uploads, client="4", num_bytes=1000)
    assert len(uploads) == 3


def test_what_is_made_of_uploads_counts(uploads: Uploads) -> None:
    mine = add(uploads)
    uploads.make_place_beside(mine, ".webp").write_bytes(b"x" * 2000)
    with pytest.raises(UploadLimitError):
        uploads.make_place_beside(mine, ".webp")


def test_nothing_is_left_of_a_broken_upload(uploads: Uploads) -> None:
    with pytest.raises(UploadLimitError):
        add_half(uploads)
    assert (uploads.num_bytes, len(uploads), list(uploads.folder.glob("*/*"))) == (0, 0, [])


def test_uploads_go_after_their_hour(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    old = add(uploads)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 1800)
    new = add(uploads)
    monkeypatch.setattr(time, "monotonic", lambda: now + 3601)
    uploads.sweep()
    assert (old.exists(), new.exists(), uploads.num_bytes, len(uploads)) == (False, True, 5, 1)


def test_an_upload_that_takes_longer_than_its_hour_is_counted_right(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    with uploads.admit(ANN, "1") as admission:
        admission.grow(1000)
        monkeypatch.setattr(time, "monotonic", lambda: now + 3601)
        uploads.sweep()
        admission.grow(500)
        assert admission.folder.exists()
    monkeypatch.setattr(time, "monotonic", lambda: now + 7300)
    uploads.sweep()
    assert (admission.folder.exists(), uploads.num_bytes, len(uploads)) == (False, 0, 0)


def test_the_next_server_finds_uploads_and_forgets_old_ones(uploads: Uploads) -> None:
    old, new = add(uploads), add(uploads)
    hours_ago = time.time() - 2 * 3600
    os.utime(old.parent, (hours_ago, hours_ago))
    later = Uploads(uploads.folder, LIMITS, ByteQuota(5000))
    assert (later.find(str(new), ANN), old.exists(), later.num_bytes) == (new, False, 5)


def test_what_is_no_upload_is_swept_away(uploads: Uploads) -> None:
    (uploads.folder / ("f" * 64)).mkdir()
    (uploads.folder / ("f" * 64) / "video.mp4").write_bytes(b"video")
    (uploads.folder / "tmpabc").touch()
    kept = add(uploads)
    uploads.sweep()
    assert list(uploads.folder.iterdir()) == [kept.parent.parent]


def test_nothing_is_left_when_the_server_stops(uploads: Uploads) -> None:
    mine = add(uploads)
    uploads.delete_all()
    assert not mine.parent.exists()


def test_the_name_of_a_result_is_no_upload(uploads: Uploads) -> None:
    name = uploads.name_result("i" * 22)
    assert uploads.find_result(name) == "i" * 22
    assert uploads.find(name, ANN) is None
    assert uploads.find_result(str(add(uploads))) is None
    assert uploads.find_result("/results/x/video.mp4") is None
