"""A video in one request."""

import base64
import io
import json
import time
from contextlib import closing
from http.client import HTTPConnection

import av

from tests.app.server import Server


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_answers_with_a_video_and_what_is_known_of_it(server: Server, photo: bytes, voice: bytes) -> None:
    body = {"image_b64": encode(photo), "audio_b64": encode(voice), "seed": 7, "max_duration_sec": 1, "aspect": "1:1"}
    answer = server.client.post("/generate", json=body)
    assert answer.status_code == 200, answer.text
    metadata = answer.json()["metadata"]
    expected = {
        "frame_num": 25,
        "audio_duration": 1,
        "profile": "preview",
        "model": "preview",
        "width": 640,
        "height": 640,
        "frame_rate": 25,
        "seed": 7,
        "warnings": [],
    }
    assert {name: metadata[name] for name in expected} == expected
    assert len(metadata["job_id"]) == 22
    assert metadata["seconds"] > 0
    with av.open(io.BytesIO(base64.b64decode(answer.json()["video_b64"]))) as video:
        assert [stream.type for stream in video.streams] == ["video", "audio"]
        assert video.streams.video[0].frames == 25


def test_takes_data_urls_line_breaks_and_missing_padding(server: Server, photo: bytes, voice: bytes) -> None:
    image = "data:image/jpeg;charset=x;base64," + base64.encodebytes(photo).decode()
    audio = base64.urlsafe_b64encode(voice).decode().rstrip("=")
    answer = server.client.post("/jobs", json={"image_b64": image, "audio_b64": audio})
    assert answer.status_code == 202, answer.text
    server.client.delete(answer.headers["location"])


def test_a_request_over_its_limit_names_the_job_and_the_job_goes_on(
    strict_server: Server, photo: bytes, long_voice: bytes
) -> None:
    body = {"image_b64": encode(photo), "audio_b64": encode(long_voice), "consent": True}
    answer = strict_server.client.post("/generate", json=body)
    assert answer.status_code == 504
    assert strict_server.wait_for(answer.json()["job_id"])["status"] == "done"


def test_a_client_that_goes_away_does_not_end_the_job(server: Server, photo: bytes, voice: bytes) -> None:
    before = server.find_jobs()
    body = json.dumps({"image_b64": encode(photo), "audio_b64": encode(voice)})
    with closing(HTTPConnection("127.0.0.1", server.port)) as client:
        client.request("POST", "/generate", body, {"content-type": "application/json"})
        while not (taken := server.find_jobs() - before):
            time.sleep(0.03)
    assert server.wait_for(taken.pop())["status"] == "done"
