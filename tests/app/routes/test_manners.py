"""What HTTP clients may expect of every route: HEAD, OPTIONS, conditions, waiting, compression."""

import gzip
import json
import re
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from starlette.routing import Route

from app.main import _ROUTERS, create_app
from app.routes.accepted import prefers
from app.settings import Settings
from tests.app.server import Server

GUEST = "https://app.example.com"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The app without the page; nothing runs in it."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), page=False, cors_origins=f"{GUEST}/")  # type: ignore[arg-type] # as the environment has it
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture(scope="module")
def done(server: Server, photo: bytes, voice: bytes) -> dict[str, Any]:
    return server.wait_for(server.submit(photo, voice, seed=7)["job_id"])


def test_every_get_answers_head_and_every_path_says_what_it_takes(bare: TestClient) -> None:
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, Route)]
    paths = {route.path for route in routes}
    reads = {route.path for route in routes if "GET" in (route.methods or ())}
    assert len(reads) > 6
    for path in paths:
        address = re.sub(r"\{\w+\}", "nothing", path)
        allowed = bare.options(address).headers["allow"].split(", ")
        assert ("HEAD" in allowed, "OPTIONS" in allowed) == (path in reads, True)
        assert bare.put(address).headers["allow"].split(", ") == allowed
        if path in reads:
            head, whole = bare.head(address), bare.get(address)
            assert (head.status_code, head.headers["content-type"]) == (
                whole.status_code,
                whole.headers["content-type"],
            )
            assert not head.content


def test_head_of_events_does_not_wait_for_them(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    assert server.client.head(f"/jobs/{job_id}/events").headers["content-type"].startswith("text/event-stream")
    assert server.show(job_id)["status"] in {"queued", "running"}
    assert 1 <= int(server.client.get(f"/jobs/{job_id}").headers["retry-after"]) <= 30
    server.client.delete(f"/jobs/{job_id}")


def test_a_state_that_is_known_is_not_sent_again(server: Server, done: dict[str, Any]) -> None:
    link = done["links"]["job"]
    first = server.client.get(link)
    assert "retry-after" not in first.headers
    again = server.client.get(link, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert server.client.get(link, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_file_that_has_not_changed_is_not_sent_again(server: Server, done: dict[str, Any]) -> None:
    link = done["links"]["poster"]
    date = server.client.head(link).headers["last-modified"]
    statuses = [
        server.client.get(link, headers=headers).status_code
        for headers in (
            {"If-Modified-Since": date},
            {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
            {"If-Modified-Since": "nonsense"},
            {"If-Modified-Since": date, "If-None-Match": '"other"'},
        )
    ]
    assert statuses == [304, 200, 200, 200]


def test_whoever_has_seen_the_end_is_told_to_stay_away(server: Server, done: dict[str, Any]) -> None:
    link = done["links"]["events"]
    answers = [server.client.get(link, headers={"Last-Event-ID": seen}) for seen in ("0", "done")]
    assert [answer.status_code for answer in answers] == [200, 204]
    assert "\nid: done\n" in answers[0].text


def test_waits_as_long_as_the_client_prefers(server: Server, photo: bytes, voice: bytes) -> None:
    files = {"image": photo, "audio": voice}
    now = server.client.post("/jobs", files=files, headers={"Prefer": "respond-async, wait=0"})
    assert (now.status_code, now.headers["preference-applied"]) == (202, "wait=0")
    assert int(now.headers["retry-after"]) >= 1
    seen = server.client.get(now.headers["location"], headers={"Prefer": 'wait="50"; x, y'})
    assert (seen.json()["status"], seen.headers["preference-applied"]) == ("done", "wait=50")
    ended = server.client.post("/jobs", files=files, headers={"Prefer": "wait=999999"})
    assert (ended.status_code, ended.json()["status"]) == (200, "done")
    assert ended.headers["preference-applied"] == "wait=120"
    assert (
        "preference-applied" not in server.client.get(ended.headers["location"], headers={"Prefer": "wait=x"}).headers
    )


def test_whoever_stops_waiting_is_forgotten(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    with pytest.raises(httpx.ReadTimeout):
        server.client.get(f"/jobs/{job_id}", headers={"Prefer": "wait=50"}, timeout=0.3)
    began = time.monotonic()
    waited = server.client.get(f"/jobs/{job_id}", headers={"Prefer": "wait=1"})
    assert time.monotonic() - began < 20
    assert waited.json()["status"] in {"queued", "running", "done"}
    server.client.delete(f"/jobs/{job_id}")


def test_answers_with_the_file_where_it_is_preferred(server: Server, photo: bytes, voice: bytes) -> None:
    files = {"image": photo, "audio": voice}
    video = server.client.post("/generate", files=files, headers={"Accept": "video/mp4"}, data={"seed": 7})
    assert (video.status_code, video.headers["content-type"], video.content[4:8]) == (200, "video/mp4", b"ftyp")
    assert (video.headers["x-seed"], video.headers["x-audio-duration"]) == ("7", "1.2")
    assert server.client.get(f"/jobs/{video.headers['x-job-id']}/video").content == video.content
    accepted = {"Accept": "video/mp4"}
    refused = server.client.post("/generate", files=files, headers=accepted, data={"seed": "x"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    late = server.client.post("/generate", files=files, headers=accepted | {"Prefer": "wait=0"})
    assert (late.status_code, server.wait_for(late.json()["job_id"])["status"]) == (504, "done")


@pytest.mark.parametrize(
    ("accept", "is_video"),
    [
        ("*/*", False),
        ("application/json, text/plain, */*", False),
        ("video/mp4, */*", True),
        ("video/*;q=0.9, application/json;q=0.1", True),
        ("video/mp4;q=0.1, application/json", False),
        ("video/mp4;q=x", False),
        ("text/html", False),
        ("video/mp4;q=0", False),
    ],
)
def test_which_form_is_preferred(accept: str, *, is_video: bool) -> None:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode())]})
    assert prefers(request, "video/mp4", "application/json") is is_video


def test_compresses_json_alone(server: Server, done: dict[str, Any]) -> None:
    def encode(path: str) -> str | None:
        with server.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            content = b"".join(answer.iter_raw())
            if "content-encoding" in answer.headers:
                assert "Accept-Encoding" in answer.headers["vary"]
                assert len(gzip.decompress(content)) > len(content)
            return answer.headers.get("content-encoding")

    links = done["links"]
    compressed = {path for path in ("/profiles", "/openapi.json", "/metrics", links["job"]) if encode(path) == "gzip"}
    assert compressed == {"/profiles", "/openapi.json", "/metrics", links["job"]}
    assert [encode(path) for path in (links["events"], links["video"], links["poster"])] == [None] * 3


def test_compressed_bodies_stay_refused(bare: TestClient) -> None:
    body = zlib.compress(b'{"audio_duration": 5}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert bare.post("/estimate", content=body, headers=headers).status_code == 415


def send_parts(client: httpx.Client | TestClient, path: str, *parts: tuple[str, bytes]) -> httpx.Response:
    """Send a form whose parts have headers of our own, as other languages write them."""
    lines = b"".join(b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (h.encode(), b) for h, b in parts)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return client.post(path, content=lines + b"--x--\r\n", headers=headers)


def test_a_part_is_what_its_name_says(server: Server, photo: bytes) -> None:
    crop = ('name="crop"; filename="blob"\r\nContent-Type: application/json', b'{"zoom": 1.5}')
    answer = send_parts(server.client, "/face-crop", ('name="image"', photo), crop)
    assert answer.status_code == 200, answer.text
    known = server.client.post("/face-crop", files={"image": photo}, data={"crop": '{"zoom": 1.5}'}).json()
    assert answer.json()["crop"] == known["crop"]
    unknown = send_parts(server.client, "/face-crop", ('name="image"', photo), ('name="sed"', b"7"))
    assert "Known are: profile" in unknown.json()["detail"]


def test_a_speakers_voice_may_come_without_a_name(server: Server, photo: bytes, voice: bytes) -> None:
    speakers = json.dumps([{"face": 0, "audio": "anna"}]).encode()
    anna = ('name="anna"\r\nContent-Type: application/octet-stream', voice)
    answer = send_parts(server.client, "/jobs", ('name="image"', photo), anna, ('name="speakers"', speakers))
    assert answer.status_code == 202, answer.text
    server.client.delete(answer.headers["location"])


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"num_inference_steps": 7.0}, None),
        ({"num_inference_steps": 7.5}, "Expected a whole number, got the number 7.5."),
        ({"num_inference_steps": "7"}, "Expected a whole number, got the text '7'."),
        ({"audio_duration": "5"}, "Expected a number, got the text '5'."),
        ({"audio_duration": None}, "Expected a number, got null."),
        ({"profile": []}, "Expected a text, got a list."),
    ],
)
def test_numbers_are_numbers(bare: TestClient, fields: dict[str, object], told: str | None) -> None:
    answer = bare.post("/estimate", json={"audio_duration": 5} | fields)
    assert answer.status_code == (400 if told else 200)
    assert told is None or answer.json()["detail"] == f"{next(iter(fields))}: {told}"


KEY = {"Authorization": "Bearer vl_some"}


def test_a_listed_origin_may_ask_with_a_key(bare: TestClient) -> None:
    asked = {"Origin": GUEST, "Sec-Fetch-Site": "cross-site"}
    wanted = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization,prefer"}
    preflight = bare.options("/jobs/nothing", headers=asked | wanted)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, GUEST)
    answers = [bare.get("/profiles", headers=asked | key) for key in (KEY, {"X-API-Key": "vl_some"})]
    for answer in answers:
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, GUEST)
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
    assert bare.post("/estimate", json={"audio_duration": 5}, headers=asked | KEY).status_code == 200
    missing = bare.get("/jobs/nothing", headers=asked | KEY)
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, GUEST)


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/profiles", {"Origin": GUEST}),
        ("GET", "/profiles", {"Origin": GUEST, "Authorization": "Basic bWU6eA=="}),
        ("GET", "/profiles", {"Origin": GUEST, "Cookie": "session=x"}),
        ("GET", "/profiles", {"Origin": "https://app.example.com.evil.test", **KEY}),
        ("GET", "/profiles", {"Origin": "http://app.example.com", **KEY}),
        ("GET", "/profiles", {"Origin": "null", **KEY}),
        ("GET", "/docs", {"Origin": GUEST, **KEY}),
        ("GET", "/verify", {"Origin": GUEST, **KEY}),
        ("OPTIONS", "/docs", {"Origin": GUEST, "Access-Control-Request-Method": "GET"}),
        ("OPTIONS", "/profiles", {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}),
    ],
)
def test_nobody_else_may(bare: TestClient, method: str, path: str, headers: dict[str, str]) -> None:
    answer = bare.request(method, path, headers={"Sec-Fetch-Site": "cross-site", **headers})
    assert answer.status_code == 403


def test_what_a_browser_adds_by_itself_is_not_seen(bare: TestClient) -> None:
    headers = {"Origin": GUEST, "Sec-Fetch-Site": "cross-site", "Host": "evil.test", **KEY}
    assert bare.get("/profiles", headers=headers).status_code == 421


def test_origins_are_spelled_as_browsers_do(tmp_path: Path) -> None:
    given = "https://App.Example.com:443/, http://localhost:3000"
    settings = Settings(data_dir=tmp_path, cors_origins=given)  # type: ignore[arg-type] # as the environment has it
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:3000")
