"""Jobs over HTTP."""

import asyncio
import json
import time
from itertools import chain
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession, TCPConnector

from tests.app.server import Server


@pytest.fixture(scope="module")
def done(server: Server, photo: bytes, voice: bytes) -> dict[str, Any]:
    answer = server.submit(photo, voice, seed=5, prompt="a choir", crop='{"zoom": 1.2}', face=0)
    return server.wait_for(answer["job_id"])


def test_tells_a_job_whole(done: dict[str, Any]) -> None:
    assert done["status"] == "done"
    assert done["audio_duration"] == pytest.approx(1.2, abs=0.01)
    assert done["request"]["crop"] == {"zoom": 1.2, "shift_x": 0.0, "shift_y": 0.0}
    assert done["request"]["prompt"] == "a choir"
    assert done["metadata"]["seed"] == 5
    assert done["finished_at"] < done["expires_at"]


def test_a_job_that_waits_has_a_place_from_the_first_answer_on(server: Server, photo: bytes, voice: bytes) -> None:
    files = {"image": photo, "audio": voice}
    jobs = [server.client.post("/jobs", files=files).json() for _ in range(2)]
    assert [(job["status"], job["position"]) for job in jobs] == [("running", None), ("queued", 1)]
    for job in reversed(jobs):
        server.client.delete(job["links"]["job"])


def test_a_job_can_be_asked_for_again_with_its_own_request(
    done: dict[str, Any], server: Server, photo: bytes, voice: bytes
) -> None:
    fields = {name: json.dumps(value) if name == "crop" else value for name, value in done["request"].items()}
    again = server.submit(photo, voice, **{name: value for name, value in fields.items() if value is not None})
    assert again["request"] == done["request"]
    assert server.wait_for(again["job_id"])["status"] == "done"


def test_the_same_seed_makes_the_same_bytes(strict_server: Server, photo: bytes, voice: bytes) -> None:
    fields = {"seed": 5, "prompt": "a choir", "crop": '{"zoom": 1.2}', "face": 0, "consent": True}
    jobs = [strict_server.submit(photo, voice, **fields) for _ in range(2)]
    links = [strict_server.wait_for(job["job_id"])["links"]["video"] for job in jobs]
    # Credentials and watermark, which are other ones for each job, are off.
    first, second = (strict_server.client.get(link).content for link in links)
    assert first == second


def test_sends_events_until_the_end(server: Server, photo: bytes, voice: bytes) -> None:
    job_id = server.submit(photo, voice)["job_id"]
    with server.client.stream("GET", f"/jobs/{job_id}/events", headers={"Last-Event-ID": "99"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        states = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    percents = [state["progress"]["percent"] for state in states if state["progress"]]
    assert percents == sorted(percents)
    assert len(set(percents)) > 3
    assert states[-1]["status"] == "done"


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-3", 206, slice(0, 4)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-50", 206, slice(-50, None)),
        ("bytes=5-999999999", 206, slice(5, None)),
        ("bytes=9-5", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("nonsense", 200, slice(None)),
    ],
)
def test_answers_with_the_part_that_was_asked_for(
    asked: str, status: int, part: slice, done: dict[str, Any], server: Server
) -> None:
    link = done["links"]["video"]
    whole = server.client.get(link).content
    answer = server.client.get(link, headers={"Range": asked})
    assert answer.status_code == status
    assert answer.content == whole[part]


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_says_how_long_the_video_is_if_a_range_lies_outside(asked: str, done: dict[str, Any], server: Server) -> None:
    answer = server.client.get(done["links"]["video"], headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_range_of_another_version_is_answered_with_the_whole(done: dict[str, Any], server: Server) -> None:
    link = done["links"]["video"]
    etag = server.client.head(link).headers["etag"]
    same, other = (
        server.client.get(link, headers={"Range": "bytes=0-3", "If-Range": tag}) for tag in (etag, '"other"')
    )
    assert (same.status_code, other.status_code) == (206, 200)
    assert server.client.get(link, headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize(("query", "kind"), [("", "inline"), ("?download=true", "attachment")])
def test_the_video_has_a_name(query: str, kind: str, done: dict[str, Any], server: Server) -> None:
    answer = server.client.get(done["links"]["video"] + query)
    assert answer.headers["content-disposition"] == f'{kind}; filename="talking-video-{done["job_id"][:6]}.mp4"'
    assert answer.headers["content-type"] == "video/mp4"


def test_a_poster_is_a_picture_of_the_video(done: dict[str, Any], server: Server) -> None:
    answer = server.client.get(done["links"]["poster"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"


@pytest.mark.parametrize("path", ["/health", "/metrics", "/profiles", "{job}", "{job}/video", "{job}/poster"])
def test_answers_head_as_get_without_the_body(path: str, done: dict[str, Any], server: Server) -> None:
    address = path.format(job=done["links"]["job"])
    whole, head = server.client.get(address), server.client.head(address)
    assert (head.status_code, head.headers["content-type"]) == (200, whole.headers["content-type"])
    assert not head.content


def test_there_is_no_video_before_the_end_and_none_of_a_cancelled_job(
    server: Server, photo: bytes, long_voice: bytes
) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    early = server.client.get(f"/jobs/{job_id}/video")
    server.client.delete(f"/jobs/{job_id}")
    late = server.client.get(f"/jobs/{job_id}/video")
    assert [early.status_code, late.status_code] == [409, 409]
    assert "cancelled" in late.json()["detail"]


def test_a_full_queue_says_when_to_try_again(strict_server: Server, photo: bytes, long_voice: bytes) -> None:
    taken = [strict_server.submit(photo, long_voice, consent=True) for _ in range(2)]
    files = {"image": photo, "audio": long_voice}
    answer = strict_server.client.post("/jobs", files=files, data={"consent": "true"})
    for job in reversed(taken):
        strict_server.client.delete(job["links"]["job"])
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:video-lab:problem:queue-full"
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_two_hundred_pollers_are_answered_quickly(server: Server, photo: bytes, long_voice: bytes) -> None:
    job_id = server.submit(photo, long_voice)["job_id"]
    process = psutil.Process(server.process.pid)
    before = process.cpu_times().user
    times = sorted(asyncio.run(poll_at_once(f"http://127.0.0.1:{server.port}/jobs/{job_id}", 200)))
    taken = process.cpu_times().user - before
    server.client.delete(f"/jobs/{job_id}")
    assert len(times) == 1_000
    assert taken < 4  # processor seconds: other work of this machine does not count
    assert times[-1] < 15


async def poll_at_once(address: str, num_pollers: int) -> list[float]:
    """Return the seconds that each answer took, five for each poller."""

    async def poll(client: ClientSession) -> list[float]:
        times = []
        for _ in range(5):
            started = time.monotonic()
            async with client.get(address) as answer:
                answer.raise_for_status()
                await answer.read()
            times.append(time.monotonic() - started)
        return times

    # Not httpx: with hundreds of connections its pool takes longer than the server does.
    async with ClientSession(connector=TCPConnector(limit=0)) as client:
        seconds = await asyncio.gather(*(poll(client) for _ in range(num_pollers)))
    return list(chain.from_iterable(seconds))
