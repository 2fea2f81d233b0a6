"""No job fails because its video cannot be signed."""

import asyncio
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from pydantic import HttpUrl

from app.errors import OriginError
from app.records import JobRecord
from app.settings import Settings
from app.storage import JobFolder
from app.trust import sealer as sealing
from app.trust.sealer import Sealer, open_trust_folder
from pipeline.credentials import find_partial, read_credentials
from pipeline.request import VideoRequest

RECORD = JobRecord(
    id="a" * 22,
    model="preview",
    request=VideoRequest(profile="preview"),
    created_at=datetime.now(UTC),
    speech_seconds=1,
)


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path / "job")
    folder.path.mkdir()
    with av.open(folder.video, "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width = stream.height = 64
        for packets in (stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))), stream.encode()):
            container.mux(packets)
    return folder


def seal(folder: JobFolder, **settings: object) -> tuple[bool, list[str]]:
    sealer = Sealer(Settings(data_dir=folder.path.parent, **settings))
    return asyncio.run(sealer.seal(RECORD, folder)), list(sealer.find_troubles())


def is_signed(folder: JobFolder) -> bool:
    known = open_trust_folder(Settings(data_dir=folder.path.parent)).read_known()
    found = read_credentials(folder.video, known)
    return found is not None and found.made_here


def test_a_hostile_photo_does_not_keep_a_video_from_being_signed(folder: JobFolder) -> None:
    folder.credentials.write_bytes(b"no archive")
    assert seal(folder) == (True, [])
    assert is_signed(folder)


def test_a_video_that_cannot_be_signed_stays_and_the_trouble_is_told(folder: JobFolder) -> None:
    folder.video.write_bytes(b"no video")
    is_done, (trouble,) = seal(folder)
    assert not is_done
    assert "A video was not signed: video.mp4" in trouble
    assert folder.video.read_bytes() == b"no video"


def test_a_time_stamp_service_that_never_answers_is_left_out_and_told(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "SEAL_SECONDS", 6)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = HttpUrl(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        is_done, (trouble,) = seal(folder, time_stamp_url=url)
    assert is_done
    assert is_signed(folder)
    assert "VIDEO_LAB_TIME_STAMP_URL" in trouble


def kill_signing() -> None:
    while not (signing := [child for child in psutil.Process().children() if "app.trust.process" in child.cmdline()]):
        time.sleep(0.01)
    signing[0].kill()


def test_a_video_is_signed_though_what_signs_it_was_killed_and_no_half_of_one_is_left(folder: JobFolder) -> None:
    find_partial(folder.video).write_bytes(b"half of a video")

    async def seal_and_kill() -> bool:
        sealing = asyncio.create_task(Sealer(Settings(data_dir=folder.path.parent)).seal(RECORD, folder))
        await asyncio.to_thread(kill_signing)
        return await sealing

    assert asyncio.run(seal_and_kill())
    assert is_signed(folder)
    assert [entry.name for entry in folder.path.iterdir()] == ["video.mp4"]


def test_nothing_is_made_or_signed_where_that_is_turned_off(folder: JobFolder) -> None:
    assert seal(folder, content_credentials=False) == (False, [])
    assert not (folder.path.parent / "trust").exists()


def test_nobody_is_told_that_a_video_is_not_from_here_because_a_key_cannot_be_read(folder: JobFolder) -> None:
    sealer = Sealer(Settings(data_dir=folder.path.parent))
    asyncio.run(sealer.prepare())
    next((folder.path.parent / "trust/known").glob("root-*")).write_text("damaged")
    with pytest.raises(OriginError):
        asyncio.run(sealer.find_known())
    assert "is damaged" in next(sealer.find_troubles())


def test_a_folder_that_cannot_be_written_to_is_told(folder: JobFolder) -> None:
    (folder.path.parent / "trust").write_text("in the way")
    is_done, (trouble,) = seal(folder)
    assert not is_done
    assert "cannot be used" in trouble
