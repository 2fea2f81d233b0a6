"""Each file has a limit of its own, and JSON has as many parts as it may."""

import base64
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings

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
def test_photo_and_voice_have_limits_of_their_own(
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


def encode(num_bytes: int) -> str:
    return base64.b64encode(bytes(num_bytes)).decode()
