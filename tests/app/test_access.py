"""The door: keys and who may see whose jobs, on every way in; and what keeps it shut."""

import asyncio
import base64
import inspect
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app.access import AccessMiddleware, Door
from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import KeyBook, NewKey, find_seal
from app.accounts.limits import KeyLimits
from app.errors import JobNotFoundError
from app.jobs import Jobs
from app.main import create_app
from app.records import JobRecord
from app.settings import Settings
from app.storage import JobFolder
from pipeline.request import VideoRequest

JOB, FREE_JOB = "A" * 22, "B" * 22


@dataclass(frozen=True)
class Keyed:
    """An app with two keys; each has a job that is done, and one belongs to nobody."""

    app: FastAPI
    http: TestClient
    folder: Path
    anna: NewKey
    bert: NewKey

    def get(self, path: str, **headers: str) -> int:
        return self.http.get(
            path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        ).status_code


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Keyed]:
    keys = KeyBook(Database(tmp_path / FILE_NAME))
    anna, bert = keys.create("Anna", KeyLimits()), keys.create("Bert", KeyLimits(jobs_per_hour=2))
    for job_id, owner in ((JOB, anna.key.id), (FREE_JOB, None)):
        write_job(tmp_path, job_id, owner)
    app = create_app(Settings(data_dir=tmp_path, page=False, host="testserver"))
    with TestClient(app) as http:
        yield Keyed(app, http, tmp_path, anna, bert)


def write_job(folder: Path, job_id: str, owner: str | None) -> None:
    now = datetime.now(UTC)
    record = JobRecord(
        id=job_id,
        model="preview",
        request=VideoRequest(profile="preview"),
        inputs={},
        created_at=now,
        finished_at=now,
        status="cancelled",
        speech_seconds=1.0,
        owner=owner,
    )
    job = JobFolder(folder / "jobs" / job_id)
    job.path.mkdir(parents=True)
    job.write(record)


def basic(secret: str) -> str:
    return f"Basic {base64.b64encode(f'me:{secret}'.encode()).decode()}"


def test_a_key_comes_in_by_three_headers_and_never_by_the_address(keyed: Keyed) -> None:
    token = keyed.anna.token
    for header in ({"authorization": f"Bearer {token}"}, {"x_api_key": token}, {"authorization": basic(token)}):
        assert keyed.get("/profiles", **header) == 200
    for query in ("key", "api_key", "token", "access_token", "x-api-key"):
        assert keyed.get(f"/profiles?{query}={token}") == 401
    answer = keyed.http.get("/profiles")
    assert answer.json()["type"] == "urn:video-lab:problem:password-needed"
    assert all(scheme in answer.headers["www-authenticate"] for scheme in ("Basic realm", "Bearer realm"))
    assert "Basic" not in keyed.http.get("/profiles", headers={"sec-fetch-mode": "cors"}).headers["www-authenticate"]


@pytest.mark.parametrize(
    "header",
    [
        {"authorization": "Bearer vl_"},
        {"authorization": "Bearer"},
        {"authorization": b"Bearer vl_\xfc\xff"},
        {"authorization": "Basic \x00"},
        {"authorization": basic("vl_" + "ü" * 40)},
        {"authorization": b"Basic /////w=="},
        {"authorization": "Digest x"},
        {"x-api-key": "vl_" + "x" * 60_000},
        {"cookie": "video_lab_session=vl_x"},
        {"cookie": "video_lab_session="},
    ],
)
def test_what_is_no_key_is_refused(keyed: Keyed, header: dict[str, Any]) -> None:
    answer = keyed.http.get("/profiles", headers=header)
    is_cookie = "cookie" in header
    assert (answer.status_code, "is needed" in answer.json()["detail"]) == (401, is_cookie)
    assert ("that came is wrong, or was revoked" in answer.json()["detail"]) == (not is_cookie)


def test_a_right_key_comes_in_however_many_guesses_came_from_its_address(keyed: Keyed) -> None:
    guesses = [keyed.get("/profiles", x_api_key=f"vl_{number}") for number in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    assert keyed.get("/profiles", x_api_key=keyed.anna.token) == 200


def test_what_another_process_changes_counts_within_a_second(keyed: Keyed) -> None:
    code = (
        "import sys; from app.accounts.command import carry_out, parse; from app.accounts.database import Database;"
        "from app.accounts.keys import KeyBook; from pathlib import Path;"
        "[print(line) for command in (['create', 'Carla'], ['revoke', sys.argv[2]])"
        " for line in carry_out(parse(command), KeyBook(Database(Path(sys.argv[1]))))]"
    )
    assert keyed.get("/profiles", x_api_key=keyed.anna.token) == 200
    command = [sys.executable, "-c", code, str(keyed.folder / FILE_NAME), keyed.anna.key.id]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = next(word for word in printed.split() if word.startswith("vl_"))
    time.sleep(0.3)
    assert [keyed.get("/profiles", x_api_key=token) for token in (keyed.anna.token, made)] == [401, 200]


def test_every_route_to_a_job_is_closed_to_other_keys(keyed: Keyed) -> None:
    """A route is found by the name of its parameter, so a new one cannot be forgotten."""
    ways = [
        (method, path.replace("{job_id}", JOB))
        for path, operations in keyed.app.openapi()["paths"].items()
        for method in operations
        if "{job_id}" in path
    ]
    assert ("get", f"/jobs/{JOB}") in ways
    assert ("delete", f"/jobs/{JOB}") in ways
    for method, path in ways:
        for token in (keyed.bert.token, keyed.anna.token):
            answer = keyed.http.request(method, path, headers={"x-api-key": token})
            is_missing = answer.status_code == 404 and answer.json()["type"].endswith("job-not-found")
            assert is_missing == (token == keyed.bert.token), (method, path, answer.text)
    assert keyed.get(f"/jobs/{FREE_JOB}", x_api_key=keyed.anna.token) == 404


async def call(method: Callable[..., Any], *arguments: object) -> None:
    found = method(*arguments)
    if inspect.isasyncgen(found):
        await anext(found)
    elif inspect.isawaitable(found):
        await found


@pytest.mark.anyio
async def test_every_method_that_takes_a_job_s_id_knows_only_one_s_own(keyed: Keyed) -> None:
    jobs: Jobs = keyed.app.state.jobs
    seen = jobs.seen_by(lambda: keyed.bert.key.id)
    methods = {name: method for name, method in inspect.getmembers(Jobs, callable) if not name.startswith("_")}
    by_id = {
        name: method
        for name, method in methods.items()
        if list(inspect.signature(method).parameters)[1:2] == ["job_id"]
    }
    assert {"get", "follow", "wait", "cancel", "delete", "video_path", "segment_path", "report"} <= set(by_id)
    for name, method in by_id.items():
        others = [1 for _ in list(inspect.signature(method).parameters)[2:]]
        with pytest.raises(JobNotFoundError):
            await call(getattr(seen, name), JOB, *others)
    assert jobs.seen_by(lambda: None).get(JOB).id == JOB
    assert jobs.seen_by(lambda: keyed.anna.key.id).get(JOB).id == JOB


def damage(path: Path, how: str) -> None:
    match how:
        case "gone":
            path.unlink()
        case "another":
            path.rename(path.with_suffix(".old"))
            Database(path).close()
        case "corrupt":
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(b"\xff" * 200_000)
            for beside in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                beside.write_bytes(b"\xff" * 50_000)


@pytest.mark.parametrize("how", ["gone", "another", "corrupt"])
def test_a_database_that_is_lost_keeps_the_door_shut(keyed: Keyed, how: str) -> None:
    damage(keyed.folder / FILE_NAME, how)
    time.sleep(0.3)
    answer = keyed.http.get("/profiles", headers={"x-api-key": keyed.anna.token})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10"), answer.text
    assert "file of keys" in answer.json()["detail"]
    assert keyed.get("/profiles") == 503
    assert keyed.get("/health") == 200


def test_after_a_restart_without_the_database_nobody_comes_in(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    KeyBook(Database(path)).create("Anna", KeyLimits())
    path.unlink()
    app = create_app(Settings(data_dir=tmp_path, page=False, host="testserver"))
    assert TestClient(app).get("/profiles").status_code == 401
    find_seal(path).unlink()
    assert TestClient(app).get("/profiles").status_code == 200


def test_a_database_that_others_write_or_that_is_full_lets_keys_in_all_the_same(keyed: Keyed) -> None:
    keyed.app.state.database._connection.execute("PRAGMA max_page_count = 1")  # as a full disk, SQLite says so
    other = sqlite3.connect(keyed.folder / FILE_NAME)
    other.execute("BEGIN EXCLUSIVE")
    assert keyed.get("/profiles", x_api_key=keyed.anna.token) == 200
    other.close()


class Stream:
    """An answer that never ends by itself, behind the door."""

    def __init__(self, door: Door) -> None:
        self.sent: list[Message] = []
        self._app = AccessMiddleware(self._answer, door)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await asyncio.sleep(0.05)

    async def open(self, **headers: str) -> None:
        async def send(message: Message) -> None:
            self.sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "path": "/jobs/x/events", "headers": raw, "client": ("192.0.2.1", 1), "method": "GET"}
        async with asyncio.timeout(10):
            await self._app(scope, receive, send)


@pytest.mark.anyio
async def test_an_open_stream_ends_when_its_key_is_revoked_or_its_browser_signed_out(tmp_path: Path) -> None:
    door = Door(Database(tmp_path / FILE_NAME), None)
    anna, bert = door.keys.create("Anna", KeyLimits()), door.keys.create("Bert", KeyLimits())
    cookie = door.sessions.begin(bert.key.id, "Firefox/Linux")
    by_key, by_cookie = Stream(door), Stream(door)
    tasks = [
        asyncio.create_task(by_key.open(x_api_key=anna.token)),
        asyncio.create_task(by_cookie.open(cookie=f"video_lab_session={cookie}")),
    ]
    await asyncio.sleep(0.7)
    assert not any(task.done() for task in tasks)
    door.keys.revoke(anna.key.id)
    session = door.sessions.find(cookie)
    assert session is not None
    door.sessions.end(session)
    started = time.monotonic()
    await asyncio.gather(*tasks)
    assert time.monotonic() - started < 3
    for stream in (by_key, by_cookie):
        assert stream.sent[-1] == {"type": "http.response.body", "body": b""}


def test_of_a_thousand_keys_each_comes_in(tmp_path: Path) -> None:
    keys = KeyBook(Database(tmp_path / FILE_NAME))
    tokens = [keys.create(f"key {number}", KeyLimits()).token for number in range(1000)]
    fresh = KeyBook(Database(tmp_path / FILE_NAME))
    assert len({key.id for key in map(fresh.find, tokens) if key}) == 1000
    assert fresh.find(tokens[0][:-1]) is None
    assert (tmp_path / FILE_NAME).read_bytes().find(tokens[0].encode()) == -1
