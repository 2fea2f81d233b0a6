"""Each file has a limit of its own, JSON and forms have as many parts as they may, and nobody keeps an answer."""

import asyncio
import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.decoding import Decoders, DecoderSettings
from app.jobs.checks import accept
from app.main import create_app
from app.records import JobRecord
from app.settings import Settings
from app.storage import JobFolder
from pipeline.errors import InputTooLargeError
from pipeline.request import Inputs, VideoRequest
from tests.app.routes.test_bad_input import as_json
from tests.app.server import Server
from tests.photos import HOPPER
from tests.voices import SPEAKER

PHOTO_BYTES, VOICE_BYTES = 30_000, 60_000


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("limits"), page=False, max_photo_mb=0.03, max_voice_mb=0.06)
    with TestClient(create_app(settings)) as client:
        yield client


@pytest.mark.parametrize(
    ("photo", "voice", "status", "field"),
    [
        (PHOTO_BYTES + 1, 10, 413, "image"),
        (PHOTO_BYTES, VOICE_BYTES + 1, 413, "audio"),
        (VOICE_BYTES, PHOTO_BYTES, 413, "image"),
        (PHOTO_BYTES, VOICE_BYTES, 400, "image"),  # is no photo
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/generate"])
def test_routes_measure_photo_and_voice_apart(
    path: str, photo: int, voice: int, status: int, field: str, client: TestClient
) -> None:
    answers = [
        client.post(path, files={"image": bytes(photo), "audio": bytes(voice)}),
        client.post(path, json={"image_b64": encode(photo), "audio_b64": encode(voice)}),
    ]
    assert [(answer.status_code, answer.json()["field"]) for answer in answers] == [(status, field)] * 2


def test_a_crop_is_made_of_what_a_photo_may_have(client: TestClient) -> None:
    assert client.post("/face-crop", files={"image": bytes(PHOTO_BYTES)}).json()["code"] != "request.large_file"
    too_much = client.post("/face-crop", files={"image": bytes(PHOTO_BYTES + 110_000)})
    assert (too_much.status_code, too_much.json()["type"]) == (413, "urn:video-lab:problem:too-large")
    assert "0.13 MB" in too_much.json()["detail"]


@pytest.mark.parametrize("part", [",", "[", "{"])
@pytest.mark.parametrize("path", ["/jobs", "/face-crop", "/estimate"])
def test_json_has_no_countless_parts(path: str, part: str, client: TestClient) -> None:
    text = f'{{"prompt": "{part * 10_001}"}}'
    answer = client.post(path, content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert "too many parts" in answer.json()["detail"]
    fewer = client.post(path, content=text.replace(part, "", 100), headers={"content-type": "application/json"})
    assert "too many parts" not in fewer.json()["detail"]


@pytest.mark.parametrize(("num_fields", "reason"), [(24, "f0"), (25, "Too many fields")])
def test_forms_have_no_countless_fields(num_fields: int, reason: str, client: TestClient) -> None:
    fields = {f"f{number}": "1" for number in range(num_fields)}
    answer = client.post("/jobs", files={"image": b"x", "audio": b"x"}, data=fields)
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/jobs/x"), ("GET", "/nothing"), ("POST", "/jobs"), ("POST", "/generate")]
)
def test_no_problem_is_kept(method: str, path: str, client: TestClient) -> None:
    assert client.request(method, path).headers["cache-control"] == "no-store"


def test_nobody_keeps_what_a_job_answers(server: Server, photo: bytes, voice: bytes) -> None:
    job_id = server.submit(photo, voice)["job_id"]
    assert server.client.get(f"/jobs/{job_id}").headers["cache-control"] == "no-store"
    assert server.client.delete(f"/jobs/{job_id}").json()["status"] == "cancelled"
    assert server.client.get(f"/jobs/{job_id}/video").headers["cache-control"] == "no-store"
    made = server.client.post("/generate", **as_json(max_duration_sec=1)(photo, voice))
    assert made.headers["cache-control"] == "no-store"


def take(folder: Path, photo_mb: float, voice_mb: float) -> JobRecord:
    """Accept the example photo, of about 0.1 MB, and the example voice, of about 0.5 MB."""

    async def use() -> JobRecord:
        decoders = Decoders(DecoderSettings(server_pid=os.getpid()))
        settings = Settings(max_photo_mb=photo_mb, max_voice_mb=voice_mb)
        inputs: Inputs = {"image": HOPPER, "audio": SPEAKER}
        try:
            job = JobFolder(folder), datetime.now(UTC)
            return await accept(VideoRequest(), inputs, *job, settings=settings, decoders=decoders)
        finally:
            await decoders.close()

    return asyncio.run(use())


def test_photo_and_voice_have_limits_of_their_own(tmp_path: Path) -> None:
    photo_mb, voice_mb = HOPPER.stat().st_size / 1e6, SPEAKER.stat().st_size / 1e6
    assert photo_mb + 0.1 < voice_mb
    assert take(tmp_path, photo_mb + 0.01, voice_mb + 0.01).speech_seconds > 1
    with pytest.raises(InputTooLargeError) as voice:
        take(tmp_path, 50, voice_mb - 0.01)
    with pytest.raises(InputTooLargeError) as photo:
        take(tmp_path, photo_mb - 0.01, 50)
    assert (photo.value.notice.about, voice.value.notice.about) == ("image", "audio")


def encode(num_bytes: int) -> str:
    return base64.b64encode(bytes(num_bytes)).decode()
