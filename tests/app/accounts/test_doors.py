"""Keys at the API's doors: what they may have, what they see, and what a request sent twice makes."""

import asyncio
import base64
import csv
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import AccessMiddleware
from app.accounts.answers import Claim
from app.accounts.database import Database
from app.accounts.keys import KeyBook
from app.accounts.limits import KeyLimits
from app.callers import Caller, set_caller
from app.jobs import Filing, Jobs, RunEnd, Wanted
from app.main import create_app
from app.routes.cursors import write_cursor
from app.settings import Settings
from pipeline.request import VideoRequest
from tests.app.accounts.conftest import add_key
from tests.app.conftest import cut_voice
from tests.app.jobs.rig import DONE, HandRunner, settle
from tests.photos import HOPPER

pytestmark = pytest.mark.anyio

LIMITS = {
    "busy": KeyLimits(jobs_per_hour=5),
    "few": KeyLimits(jobs_at_once=1),
    "poor": KeyLimits(dollars_per_day=0.02),
    "free": KeyLimits(),
}


class KeyNamed:
    """Believes whoever says which key it has, and lets everybody else in as well."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if key_id := dict(scope.get("headers", ())).get(b"x-test-key"):
            set_caller(scope, Caller("10.0.0.1", key_id.decode()))
        await self._app(scope, receive, send)


class Door:
    """The app as clients see it."""

    def __init__(self, app: FastAPI, runner: HandRunner) -> None:
        self.jobs: Jobs = app.state.jobs
        self.runner = runner
        transport = httpx.ASGITransport(app, client=("10.0.0.1", 1))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60)
        self.files = {"image": HOPPER.read_bytes(), "audio": cut_voice(1.1)}

    async def get(self, key: str | None, path: str, **query: object) -> httpx.Response:
        return await self.client.get(path, headers=_name(key), params={name: str(one) for name, one in query.items()})

    async def post(
        self, key: str | None, path: str = "/jobs", once: str | None = None, **data: object
    ) -> httpx.Response:
        headers = _name(key) | ({} if once is None else {"Idempotency-Key": once})
        fields = {"profile": "preview"} | {name: str(one) for name, one in data.items()}
        return await self.client.post(path, headers=headers, files=self.files, data=fields)

    async def end(self, job_id: str, end: RunEnd = DONE) -> None:
        await settle()
        if end is DONE:
            self.jobs._registry.folder(self.jobs._registry.find(job_id)).video.write_bytes(b"mp4")
        self.runner.words[job_id].put_nowait(end)
        await settle()


def _name(key: str | None) -> dict[str, str]:
    return {} if key is None else {"X-Test-Key": key}


@asynccontextmanager
async def open_door(folder: Path, **settings: object) -> AsyncIterator[Door]:
    plain = {"page": False, "live": "off", "content_credentials": "off", "watermark": "off"}
    runner = HandRunner(capacity=4)
    app = create_app(Settings(data_dir=folder, **plain | settings), runner)
    app.user_middleware = [one for one in app.user_middleware if one.cls is not AccessMiddleware]
    app.add_middleware(KeyNamed)
    async with app.router.lifespan_context(app):
        door = Door(app, runner)
        yield door
        await door.client.aclose()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with open_door(tmp_path_factory.mktemp("door") / "data") as door:
        for key_id, limits in LIMITS.items():
            add_key(door.jobs.ledger._database, key_id, limits)
        yield door


@pytest.fixture(scope="module")
async def crowd(door: Door) -> list[httpx.Response]:
    """The answers to twelve at the same time of a key that may have five; those that were taken are cancelled."""
    wrong = await door.post("busy", face=9)
    assert wrong.status_code == 400  # gives its place back
    found = await asyncio.gather(*(door.post("busy", reference="=1+1") for _ in range(12)))
    for answer in found:
        if answer.status_code == 202:
            await door.client.delete(f"/jobs/{answer.json()['job_id']}")
    return found


async def test_many_at_the_same_time_never_exceed_what_a_key_may_have(door: Door, crowd: list[httpx.Response]) -> None:
    taken = [answer for answer in crowd if answer.status_code == 202]
    refused = [answer for answer in crowd if answer.status_code == 429]
    assert (len(taken), len(refused)) == (5, 7)
    assert {answer.json()["code"] for answer in refused} == {"limit.rate"}
    for answer in refused:
        assert answer.headers["RateLimit"].startswith('"jobs";r=0;t=')
        assert 3000 < int(answer.headers["Retry-After"]) <= 3600
    assert sorted(answer.headers["RateLimit"][:10] for answer in taken)[0] == '"jobs";r=0'
    assert {answer.headers["RateLimit-Policy"] for answer in taken} == {'"jobs";q=5;w=3600'}
    assert "RateLimit" not in (await door.post("free")).headers
    assert (await door.post("busy", path="/generate")).json()["code"] == "limit.rate"


async def test_one_at_a_time_and_no_more_than_it_may_spend(door: Door) -> None:
    job_id = (await door.post("few")).json()["job_id"]
    assert (await door.post("few")).json()["code"] == "limit.concurrency"
    await door.client.delete(f"/jobs/{job_id}")
    assert (await door.post("few")).status_code == 202
    poor = await door.post("poor", profile="quality")
    assert (poor.status_code, poor.json()["code"]) == (429, "limit.budget")
    assert "this key may spend" in poor.json()["detail"]
    usage = (await door.get("poor", "/usage")).json()
    assert usage["limits"] == usage["remaining"] == vars(LIMITS["poor"])
    assert (usage["key"], usage["jobs"]) == ("poor", 0)


@pytest.mark.usefixtures("crowd")
async def test_other_doors_are_limited_alike(door: Door) -> None:
    inputs = {"image": HOPPER, "audio": Path("assets/voices/joe.wav")}
    found = await asyncio.gather(
        *(door.jobs.submit(VideoRequest(), inputs, "key poor", Filing(owner="busy")) for _ in range(2)),
        return_exceptions=True,
    )
    assert [getattr(error, "code", None) for error in found] == ["limit.rate"] * 2


async def test_a_request_that_is_sent_twice_makes_one_job(door: Door) -> None:
    found = await asyncio.gather(*(door.post("free", once='"a.1"', seed=3) for _ in range(4)))
    first, *others = sorted(found, key=lambda answer: answer.status_code)
    assert first.status_code == 202
    assert {(other.status_code, other.headers.get("Retry-After")) for other in others} == {(409, "2")}
    again = await door.post("free", once="a.1", seed=3)
    assert (again.status_code, again.json()["job_id"]) == (202, first.json()["job_id"])
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    packed = {f"{name}_b64": base64.b64encode(file).decode() for name, file in door.files.items()}
    as_json = await door.client.post(
        "/jobs", json=packed | {"seed": 3}, headers={"X-Test-Key": "free", "Idempotency-Key": "a.1"}
    )
    assert as_json.json()["job_id"] == first.json()["job_id"]
    others = [await door.post("free", once="a.1", seed=4), await door.post("free", "/generate", once="a.1", seed=3)]
    assert [other.status_code for other in others] == [422, 422]
    assert "Idempotency-Replayed" not in (await door.post("few", once="a.1", seed=3)).headers  # has keys of its own


@pytest.mark.parametrize("key", ["", "a b", "é".encode(), "x" * 129, '"a', "a,b"])
async def test_a_key_that_cannot_be_read_is_refused(door: Door, key: str | bytes) -> None:
    answer = await door.client.post("/jobs", headers={"Idempotency-Key": key}, files=door.files)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.invalid")


async def test_what_is_refused_may_be_sent_again(door: Door) -> None:
    assert (await door.post("free", once="b", zoom=3)).status_code == 400
    answer = await door.post("free", once="b")
    assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (202, None)


@contextmanager
def read_only(door: Door) -> Iterator[None]:
    """Let the database take nothing more."""
    connection = door.jobs.ledger._database._connection
    connection.execute("PRAGMA query_only = ON")
    yield
    connection.execute("PRAGMA query_only = OFF")


async def test_a_repeat_waits_and_a_full_disk_ends_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_door(tmp_path / "data") as door:
        add_key(door.jobs.ledger._database, "free", KeyLimits(jobs_at_once=2))
        job_id = (await door.post("free", once="w", reference="row")).json()["job_id"]
        door.client.headers["Prefer"] = "wait=60"
        repeat = asyncio.create_task(door.post("free", once="w", reference="row"))
        await asyncio.sleep(0.3)
        assert not repeat.done()
        told: list[str] = []
        door.jobs.subscribe(lambda event: told.append(event.kind), "done")
        with read_only(door):
            await door.end(job_id)
            assert told == ["done"]
            refused = await door.post("free")
            assert (refused.status_code, refused.json()["title"]) == (507, "The server's disk is full")
        answer = await repeat
        assert (answer.status_code, answer.json()["status"], answer.json()["job_id"]) == (200, "done", job_id)
        assert answer.headers["Preference-Applied"] == "wait=60"
        assert (await door.client.delete(f"/jobs/{job_id}")).json()["reference"] is None
        assert (await door.get("free", "/jobs", reference="row")).json()["jobs"] == []
        assert (await door.post("gone")).json()["code"] == "limit.rate"  # its key is unknown
        keep = door.jobs.answers.keep

        def keep_on_full_disk(claim: Claim) -> None:
            with read_only(door):
                keep(claim)

        del door.client.headers["Prefer"]
        monkeypatch.setattr(door.jobs.answers, "keep", keep_on_full_disk)
        first, again = await door.post("free", once="k"), await door.post("free", once="k")
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json()["job_id"] == again.json()["job_id"]


async def test_what_waits_of_a_revoked_key_is_cancelled(tmp_path: Path) -> None:
    async with open_door(tmp_path / "data") as door:
        door.runner.capacity = 1
        path = door.jobs.ledger._database.path
        leaked, other = (KeyBook(Database(path)).create(name, KeyLimits()).key.id for name in ("leaked", "other"))
        runs, waits, others = [(await door.post(key)).json()["job_id"] for key in (leaked, leaked, other)]
        door.runner.durable, door.runner.capacity = True, 3  # as in the cloud, where some wait that were handed over
        late = (await door.post(leaked)).json()["job_id"]
        await settle()
        assert waits in door.runner.started
        assert late not in door.runner.started
        KeyBook(Database(path)).revoke(leaked)
        assert {(await door.jobs.wait(job_id, 4)).status for job_id in (waits, late)} == {"cancelled"}
        assert door.runner.cancelled == [waits]
        assert [door.jobs.get(job_id).status for job_id in (runs, others)] == ["running", "queued"]


async def test_generate_waits_again_for_the_same_job(door: Door) -> None:
    for state in door.jobs._registry:
        await door.jobs.cancel(state.record.id)
    before = set(door.runner.started)
    first = asyncio.create_task(door.post("free", "/generate", once="g"))
    async with asyncio.timeout(60):
        while not (started := set(door.runner.started) - before):  # noqa: ASYNC110 - the runner tells nobody
            await asyncio.sleep(0.01)
    second = asyncio.create_task(door.post("free", "/generate", once="g"))
    await asyncio.sleep(0.1)
    (job_id,) = started
    await door.end(job_id)
    answers = [await first, await second, await door.post("free", "/generate", once="g")]
    assert [answer.json()["metadata"]["job_id"] for answer in answers] == [job_id] * 3
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]


@pytest.mark.usefixtures("crowd")
async def test_lists_its_own_jobs_page_by_page_while_others_come(door: Door) -> None:
    pages, cursor = [], {}
    while True:
        page = (await door.get("busy", "/jobs", limit=2, **cursor)).json()
        pages.append([job["job_id"] for job in page["jobs"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        await door.post("free")
    assert [len(page) for page in pages] == [2, 2, 1]
    listed = (await door.get("busy", "/jobs", reference="=1+1", status="cancelled")).json()["jobs"]
    assert [job["job_id"] for job in listed] == list(chain(*pages))
    assert [job["created_at"] for job in listed] == sorted((job["created_at"] for job in listed), reverse=True)
    assert (await door.get("busy", "/jobs", reference="row")).json() == {"jobs": [], "next_cursor": None}


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"status": "gone"},
        {"limt": 5},
        {"cursor": "AAAA"},
        {"cursor": "é"},
        {"reference": "x" * 201},
    ],
)
async def test_a_list_that_cannot_be_made_is_refused(door: Door, query: dict[str, object]) -> None:
    answer = await door.get("busy", "/jobs", **query)
    assert (answer.status_code, answer.json()["field"]) == (400, next(iter(query)))


@pytest.mark.usefixtures("crowd")
async def test_a_cursor_belongs_to_its_list(door: Door) -> None:
    cursor = (await door.get("busy", "/jobs", limit=1)).json()["next_cursor"]
    assert (await door.get("busy", "/jobs", limit=1, cursor=cursor)).status_code == 200
    tampered = [cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), cursor + "=", cursor + "!", cursor[4:]]
    for query in ({"cursor": one} for one in tampered):
        assert (await door.get("busy", "/jobs", **query)).status_code == 400
    assert (await door.get("free", "/jobs", cursor=cursor)).status_code == 400
    zoneless = write_cursor((datetime(2026, 1, 1), "x"), "busy None None")
    assert (await door.get("busy", "/jobs", cursor=zoneless)).status_code == 400
    assert (await door.get("busy", "/jobs", cursor=cursor, status="done")).status_code == 400


async def test_an_open_server_lists_no_strangers_jobs(door: Door) -> None:
    for query in ({}, {"reference": "=1+1"}):
        answer = await door.get(None, "/jobs", **query)
        assert (answer.status_code, answer.json()["title"]) == (403, "Nobody knows whose jobs to list")


@pytest.mark.usefixtures("crowd")
async def test_a_month_as_a_table_that_computes_nothing(door: Door) -> None:
    text = (await door.get("busy", "/usage.csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["key"], row["reference"], row["status"]) for row in rows] == [("busy", "'=1+1", "cancelled")] * 5
    everyone = list(csv.DictReader(io.StringIO((await door.get(None, "/usage.csv")).text)))
    assert {row["key"] for row in everyone} >= {"busy"}
    assert (await door.get(None, "/usage")).json()["key"] is None
    past = await door.get("busy", "/usage", **{"from": "2020-01-01", "to": "2020-02-01T12:00:00+01:00"})
    assert (past.json()["jobs"], past.json()["period"]["to"]) == (0, "2020-02-01T11:00:00Z")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/usage", {"from": "monday"}),
        ("/usage", {"to": "2020-01-01"}),
        ("/usage.csv", {"month": "2026-13"}),
        ("/usage.csv", {"month": "2026-1\r\n"}),
        ("/usage.csv", {"month": "9999-12"}),
    ],
)
async def test_a_period_that_cannot_be_read_is_refused(door: Door, path: str, query: dict[str, str]) -> None:
    assert (await door.get("busy", path, **query)).status_code == 400


async def send_batch(door: Door, key: str, rows: list[dict[str, object]], once: str = "") -> httpx.Response:
    ids = {}
    for name, content in door.files.items():
        sent = await door.client.post("/uploads", files={"file": content}, headers=_name(key))
        ids[f"{name}_id"] = sent.json()["id"]
    body = {"defaults": ids | {"profile": "preview"}, "jobs": rows}
    headers = _name(key) | ({"Idempotency-Key": once} if once else {})
    return await door.client.post("/batches", json=body, headers=headers)


async def count(door: Door, key: str, batch: httpx.Response) -> dict[str, int]:
    return dict((await door.get(key, f"/batches/{batch.json()['batch_id']}")).json()["counts"])


async def test_a_batch_is_within_the_limits_of_its_key_and_nobody_elses(tmp_path: Path) -> None:
    limits = {
        "many": KeyLimits(jobs_at_once=2, jobs_per_hour=6),
        "one": KeyLimits(),
        "poor": KeyLimits(None, None, 0.1),
    }
    rows: list[dict[str, object]] = [{"reference": f"row {number}"} for number in range(4)]
    async with open_door(tmp_path / "data") as door:
        for key_id, limit in limits.items():
            add_key(door.jobs.ledger._database, key_id, limit)
        poor = await send_batch(door, "poor", [{"profile": "quality"}] * 30)
        assert (poor.status_code, poor.json()["code"]) == (429, "limit.budget")
        assert "These 30 videos are together likely to cost" in poor.json()["detail"]
        assert door.jobs.ledger.sum_up("poor", 0, 1e12).jobs == 0
        wrong = await send_batch(door, "many", [{}, {"callback_url": "https://10.0.0.1/"}], once="1")
        assert (wrong.status_code, wrong.json()["field"]) == (400, "jobs[1].callback_url")
        batch = await send_batch(door, "many", rows, once="1")  # more than the key may have at once
        assert (batch.status_code, batch.headers["RateLimit"][:10]) == (202, '"jobs";r=2')
        over = await send_batch(door, "many", rows)
        assert (over.status_code, over.json()["code"]) == (429, "limit.rate")
        assert door.jobs.ledger.sum_up("many", 0, 1e12).jobs == 4
        other = await send_batch(door, "one", [{}])
        assert other.status_code == 202
        async with asyncio.timeout(60):
            while len(door.runner.started) < 3:  # noqa: ASYNC110 - the runner tells nobody
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.4)  # in which the feeder looks four times
        assert await count(door, "many", batch) == {"running": 2, "queued": 2}
        assert await count(door, "one", other) == {"running": 1}
        path = f"/batches/{batch.json()['batch_id']}"
        for method, place in [("GET", path), ("GET", f"{path}/videos.zip"), ("DELETE", path)]:
            assert (await door.client.request(method, place, headers=_name("one"))).status_code == 404
        seen = door.jobs.seen_by(lambda: "one")
        assert seen.find_batch([job["job_id"] for job in batch.json()["jobs"]]) == []
        assert {job.filing.owner for job in seen.search("many", Wanted(), None, 9)[0]} == {"one"}
    async with open_door(tmp_path / "data") as door:
        assert (await send_batch(door, "many", rows[:3], once="1")).status_code == 422
        again = await send_batch(door, "many", rows, once="1")
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
        assert [again.json()["batch_id"], *_list_ids(again)] == [batch.json()["batch_id"], *_list_ids(batch)]
        async with asyncio.timeout(60):
            while len(door.runner.started) < 3:  # noqa: ASYNC110 - the runner tells nobody
                await asyncio.sleep(0.02)
        assert door.jobs.ledger.find_use("many").jobs_at_once == 2
        job_id = next(job for job in door.runner.started if job != other.json()["jobs"][0]["job_id"])
        await door.end(job_id)
        async with asyncio.timeout(60):
            while len(door.runner.started) < 4:  # noqa: ASYNC110 - the runner tells nobody
                await asyncio.sleep(0.02)
        assert await count(door, "many", batch) == {"done": 1, "running": 2, "queued": 1}
        await door.client.delete(f"/jobs/{job_id}", headers=_name("many"))  # with the name that the batch answered
        described = await send_batch(door, "many", rows, once="1")
        assert (described.status_code, described.json()["counts"]["done"]) == (202, 1)


async def test_limits_answers_and_turns_outlive_the_server(tmp_path: Path) -> None:
    async with open_door(tmp_path / "data", password="long enough") as door:
        door.client.auth = httpx.BasicAuth("me", "long enough")
        add_key(door.jobs.ledger._database, "a", KeyLimits(jobs_per_hour=2))
        first = await door.post("a", once="1")
        await door.post("a")
    async with open_door(tmp_path / "data", password="long enough") as door:
        door.client.auth = httpx.BasicAuth("me", "long enough")
        again = await door.post("a", once="1")
        assert (again.json()["job_id"], again.headers["Idempotency-Replayed"]) == (first.json()["job_id"], "true")
        assert (await door.post("a")).json()["code"] == "limit.rate"
        listed = (await door.get(None, "/jobs")).json()["jobs"]
        assert first.json()["job_id"] == listed[1]["job_id"]
        assert {state.client for state in door.jobs._registry} == {"key a"}


def _list_ids(batch: httpx.Response) -> list[str]:
    return [job["job_id"] for job in batch.json()["jobs"]]
