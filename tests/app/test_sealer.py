"""No job fails because its video cannot be signed."""

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from pydantic import HttpUrl

from app.records import JobRecord
from app.settings import Settings
from app.storage import JobFolder
from app.trust import sealer as sealing
from app.trust.sealer import Sealer
from pipeline.credentials import read_credentials
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
    known = Sealer(Settings(data_dir=folder.path.parent)).read_known()
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


def test_nothing_is_made_or_signed_where_that_is_turned_off(folder: JobFolder) -> None:
    assert seal(folder, content_credentials=False) == (False, [])
    assert not (folder.path.parent / "trust").exists()


def test_a_folder_that_cannot_be_written_to_is_told(folder: JobFolder) -> None:
    (folder.path.parent / "trust").write_text("in the way")
    is_done, (trouble,) = seal(folder)
    assert not is_done
    assert "cannot be used" in trouble
