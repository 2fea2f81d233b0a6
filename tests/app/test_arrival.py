"""Bodies may come slowly, but not as slowly as they like."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.arrival import _WHOLE_SECONDS, ArrivalMiddleware, Patience
from app.main import create_app
from app.settings import Settings

QUICK = Patience(slack_seconds=0.2, bytes_per_second=1_000, whole_seconds=0.6)


async def count(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(f"{len(body)} bytes")(scope, receive, send)


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer while the body still comes, and end when the client has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    while (await receive())["type"] != "http.disconnect":
        await send({"type": "http.response.body", "body": b"x", "more_body": True})


async def swallow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer something of its own when the client has gone, as frameworks do."""
    with suppress(ClientDisconnect):
        await Request(scope, receive).body()
    await PlainTextResponse("never mind", 400)(scope, receive, send)


def arrive(parts: Iterable[tuple[float, int]], app: ASGIApp | None = None, **request: object) -> list[Message]:
    """Send parts, each after so many seconds and of so many bytes; the last one never comes. Return what is sent."""
    coming = iter(parts)
    sent: list[Message] = []

    async def receive() -> Message:
        seconds, num_bytes = next(coming, (60.0, 0))
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": bytes(num_bytes), "more_body": num_bytes > 0}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    asyncio.run((app or ArrivalMiddleware(count, QUICK))(scope | request, receive, send))
    return sent


@pytest.mark.parametrize(("path", "status"), [("/verify", 408), ("/jobs", 200)])
def test_where_anyone_may_send_a_body_has_less_time(monkeypatch: pytest.MonkeyPatch, path: str, status: int) -> None:
    monkeypatch.setitem(_WHOLE_SECONDS, "/verify", 0.1)
    assert arrive([(0.2, 100), (0.0, 0)], ArrivalMiddleware(count, Patience()), path=path)[0]["status"] == status


@pytest.mark.parametrize("parts", [[], [(0.0, 100)], [(0.03, 1)] * 20 + [(0.0, 0)], [(0.03, 1), (60.0, 1)]])
def test_a_body_that_does_not_come_is_told_so(parts: list[tuple[float, int]]) -> None:
    start, body = arrive(parts)
    assert start["status"] == 408
    assert json.loads(body["body"])["type"] == "urn:video-lab:problem:stalled"
    assert (b"connection", b"close") in start["headers"]


def test_nothing_takes_longer_than_the_whole_time() -> None:
    assert arrive([(0.02, 1_000_000)] * 100)[0]["status"] == 408


def test_a_slow_body_with_a_pause_arrives() -> None:
    parts = [(0.01, 20), (0.01, 20), (0.3, 20), *[(0.01, 20)] * 10, (0.0, 0)]
    patience = Patience(slack_seconds=20, bytes_per_second=10_000, whole_seconds=60)
    start, body = arrive(parts, ArrivalMiddleware(count, patience))
    assert (start["status"], body["body"]) == (200, b"260 bytes")


def test_only_the_time_counts_in_which_the_client_is_waited_for() -> None:
    async def think(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        async for _ in request.stream():
            await asyncio.sleep(0.15)
        await PlainTextResponse("done")(scope, receive, send)

    assert arrive([(0.0, 1), (0.0, 1), (0.0, 0)], ArrivalMiddleware(think, QUICK))[0]["status"] == 200


@pytest.mark.parametrize("app", [count, swallow])
def test_the_request_is_answered_once(app: ASGIApp) -> None:
    sent = arrive([], ArrivalMiddleware(app, QUICK))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 408


def test_an_answer_that_has_begun_is_ended() -> None:
    sent = arrive([(0.0, 1)], ArrivalMiddleware(stream, QUICK))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == 200


async def send_large(door: ArrivalMiddleware, client: str, leave: asyncio.Event) -> int:
    """Send the first two megabytes of a body, and the end of it on a sign. Return the answer's status."""
    sent: list[Message] = []
    parts = [bytes(1_000_000), bytes(1_000_000)]

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": True}
        await leave.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    await door(scope | {"client": (client, 1)}, receive, send)
    return int(sent[0]["status"])


def test_one_client_has_so_many_large_bodies_on_their_way() -> None:
    async def crowd() -> list[int]:
        door, leave = ArrivalMiddleware(count), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            many = [group.create_task(send_large(door, "10.0.0.1", leave)) for _ in range(32)]
            for _ in range(10):
                await asyncio.sleep(0)
            one_more = await send_large(door, "10.0.0.1", leave)
            leave.set()
            other = group.create_task(send_large(door, "10.0.0.2", leave))
        later = await send_large(door, "10.0.0.1", leave)
        return [*{task.result() for task in many}, one_more, other.result(), later]

    assert asyncio.run(crowd()) == [200, 503, 200, 200]


def test_what_is_waited_for() -> None:
    patience = Patience()
    train = 10_000_000 / 20_000 + 30 + 20
    assert patience.find_limit(10_000_000) > train
    assert patience.find_limit(0) > 30
    assert patience.find_limit(10) < 9 * 10
    assert patience.find_limit(10**12) == 7_200


@pytest.mark.parametrize("path", ["/jobs", "/generate", "/face-crop", "/estimate"])
def test_every_route_that_takes_a_body_gives_up(path: str, quick_app: FastAPI) -> None:
    sent = arrive([(0.0, 1)], quick_app, path=path, headers=[(b"content-type", b"application/json")])
    assert [message.get("status") for message in sent] == [408, None]


@pytest.fixture
def quick_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr("app.arrival._PATIENCE", QUICK)
    return create_app(Settings(data_dir=tmp_path, page=False))
