"""Files are sent once, and named in as many requests as there are."""

import base64
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.accounts.limits import NO_LIMITS
from app.main import create_app
from app.settings import Settings
from tests.app.outbound import receiver as hosts
from tests.app.server import Server

FIELDS = ("id", "kind", "num_bytes", "audio_duration", "expires_at")


def upload(server: Server, content: bytes, **headers: str) -> dict[str, object]:
    answer = server.client.post("/uploads", files={"file": ("../me.txt", content, "text/plain")}, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/uploads/{answer.json()['id']}"
    assert set(answer.json()) == set(FIELDS)
    return answer.json()


def test_an_upload_stands_for_its_file_in_every_body(server: Server, photo: bytes, voice: bytes) -> None:
    face, sound = upload(server, photo), upload(server, voice)
    assert (face["kind"], face["num_bytes"], face["audio_duration"]) == ("image", len(photo), None)
    assert (sound["kind"], sound["audio_duration"]) == ("audio", pytest.approx(1.2, abs=0.05))
    names = {"image_id": face["id"], "audio_id": sound["id"]}
    by_json = server.client.post("/jobs", json=names | {"seed": 5, "profile": "preview"})
    by_form = server.client.post("/jobs", data={"image_id": face["id"], "seed": "5"}, files={"audio": voice})
    by_speaker = server.client.post(
        "/jobs", data={"speakers": f'[{{"face": 0, "audio_id": "{sound["id"]}"}}]'}, files={"image": photo}
    )
    for answer in (by_json, by_form, by_speaker):
        assert answer.status_code == 202, answer.text
    again = server.client.post("/jobs", json=names | {"speakers": [{"face": 0, "audio_id": sound["id"]}]})
    assert again.json()["code"] == "speakers.voice_twice"
    assert server.client.post("/face-crop", json={"image_id": face["id"]}).json()["faces"]
    assert server.client.post("/turns", json={"audio_id": sound["id"]}).status_code == 200
    assert server.client.delete(f"/uploads/{sound['id']}").status_code == 204
    assert server.client.get(f"/uploads/{sound['id']}").status_code == 404
    assert server.client.get(f"/uploads/{face['id']}").json()["id"] == face["id"]
    for answer in (by_json, by_form, by_speaker):  # each has the file that is gone
        assert server.wait_for(answer.json()["job_id"])["status"] == "done"


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({}, "image_b64", "image_b64 is missing. Send the file, or name it: image_id or image_url."),
        ({"image_b64": "eA=="}, "audio_b64", "audio_b64 is missing"),
        ({"image_b64": "eA==", "image_id": "x"}, "image_id", "image_b64 and image_id were both sent"),
        ({"image_id": "x", "image_url": "https://example.com"}, "image_url", "image_id and image_url were both sent"),
        ({"image_id": "../jobs", "audio_b64": "eA=="}, "image_id", "image_id: This file was not uploaded here by you"),
        ({"image_url": "http://example.com", "audio_b64": "eA=="}, "image_url", "https"),
        ({"image_id": "the voice", "audio_b64": "eA=="}, "image_id", "Expected a photo, but this upload is of kind"),
    ],
)
def test_says_which_file_is_missing_or_wrong(
    body: dict[str, str], field: str, sentence: str, server: Server, voice: bytes
) -> None:
    if body.get("image_id") == "the voice":
        body = body | {"image_id": str(upload(server, voice)["id"])}
    answer = server.client.post("/jobs", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
    assert sentence in answer.json()["detail"]


def test_what_is_no_photo_and_no_recording_is_not_kept(server: Server) -> None:
    answer = server.client.post("/uploads", files={"file": ("me.jpg", b"<html>" * 1000, "image/jpeg")})
    assert (answer.status_code, answer.json()["code"]) == (400, "upload.unknown")
    assert server.client.post("/uploads", files={"image": b"x"}).status_code == 400


def start(data_dir: Path, **settings: object) -> TestClient:
    return TestClient(create_app(Settings(data_dir=data_dir, page=False, **{"max_uploads_mb": 1} | settings)))


def test_a_file_is_fetched_from_its_address_and_counts_while_it_is_here(tmp_path: Path, photo: bytes) -> None:
    with hosts.run_receiver() as receiver:
        host = f"127.0.0.1:{receiver.port}"
        receiver.behaviours |= {
            "/me.jpg": hosts.answer("200 OK", body=photo),
            "/gone.jpg": hosts.answer("404 Not Found"),
            "/big.jpg": hosts.answer("200 OK", body=bytes(1_000_001)),
        }
        with start(tmp_path, webhook_hosts=host, max_photo_mb=1, max_voice_mb=1, max_uploads_mb=3) as client:
            crop = client.post("/face-crop", json={"image_url": f"http://{host}/me.jpg"})
            assert (crop.status_code, len(crop.json()["faces"])) == (200, 1), crop.text
            for path, code in [("/gone.jpg", "url.status"), ("/big.jpg", "url.too_many_bytes")] * 2:
                body = {"image_url": f"http://{host}{path}", "audio_b64": "eA=="}
                refused = client.post("/jobs", json=body).json()
                assert (refused["code"], refused["field"]) == (code, "image_url")
            elsewhere = {"image_b64": "eA==", "audio_url": "https://127.0.0.1/me.wav"}
            assert client.post("/jobs", json=elsewhere).json()["code"] == "url.private"
            assert client.app.state.jobs.quota._clients.total() == 0
        assert [receiver.count(path) for path in receiver.behaviours] == [1, 2, 2]


def test_uploads_outlast_the_server_and_go_when_nobody_has_used_them(tmp_path: Path, photo: bytes) -> None:
    folder = tmp_path / "shelf"
    with start(tmp_path) as client:
        kept = client.post("/uploads", files={"file": photo}).json()
    (folder / ("x" * 22)).write_bytes(b"never answered")
    with start(tmp_path) as client:
        assert [path.name for path in folder.iterdir()] == [kept["id"]]
        assert client.get(f"/uploads/{kept['id']}").json() == kept
        shelf = client.app.state.uploads
        shelf.quota.total_bytes = 100_000
        full = client.post("/uploads", files={"file": photo + b"."})
        assert (full.status_code, full.json()["type"]) == (503, "urn:video-lab:problem:queue-full")
        assert (full.headers["retry-after"], "Delete those" in full.json()["detail"]) == ("600", True)
        sent = {"image_b64": base64.b64encode(photo).decode()}
        assert client.post("/face-crop", json=sent).status_code == 200  # files that are kept take no room from it
        (folder / "link").hardlink_to(folder / kept["id"])  # as a job's
        assert client.delete(f"/uploads/{kept['id']}").status_code == 204
        assert client.get(f"/uploads/{kept['id']}").status_code == 404
        assert shelf.quota.count(folder / kept["id"]) >= len(photo)
        (folder / "link").unlink()
        shelf.sweep()
        assert list(folder.iterdir()) == []
        assert shelf.quota.count(folder / kept["id"]) == 0
        unused = client.post("/uploads", files={"file": photo}).json()
        with client.app.state.database.write() as connection:
            connection.execute("UPDATE uploads SET expires_at = ?", (time.time() - 1,))
        assert client.get(f"/uploads/{unused['id']}").status_code == 404
        shelf.sweep()
        assert list(folder.iterdir()) == []


def test_a_key_sees_its_own_uploads_and_keeps_the_same_bytes_once(tmp_path: Path, photo: bytes) -> None:
    app = create_app(Settings(data_dir=tmp_path, page=False, password=SecretStr("correct horse")))
    anna, bert = (app.state.door.keys.create(name, NO_LIMITS).token for name in ("Anna", "Bert"))
    with TestClient(app) as client:
        first, again, other = (
            client.post("/uploads", files={"file": photo}, headers={"x-api-key": key}).json()
            for key in (anna, anna, bert)
        )
        assert first["id"] == again["id"] != other["id"]
        for key, status in [(anna, 200), (bert, 404)]:
            assert client.get(f"/uploads/{first['id']}", headers={"x-api-key": key}).status_code == status
        assert client.get(f"/uploads/{first['id']}", auth=("me", "correct horse")).status_code == 200
        body = {"image_id": first["id"], "audio_b64": "eA=="}
        stolen = client.post("/jobs", json=body, headers={"x-api-key": bert})
        assert (stolen.status_code, stolen.json()["field"]) == (400, "image_id")
        assert client.delete(f"/uploads/{first['id']}", headers={"x-api-key": bert}).status_code == 404
