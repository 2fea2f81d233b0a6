"""The tools for assistants, driven by messages as the protocol has them."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from PIL import Image
from pydantic import SecretStr

from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import KeyBook
from app.accounts.limits import KeyLimits
from app.main import create_app
from app.settings import Settings

SPOKEN = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
NEWEST = {VERSION_KEY: "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@dataclass(frozen=True)
class Assistant:
    """A client of the protocol, of the revision 2025-06-18 unless it says otherwise."""

    http: TestClient
    authorization: str

    def post(self, body: object, **headers: str) -> Response:
        content = body if isinstance(body, str) else json.dumps(body)
        sent = {"Content-Type": "application/json", "Authorization": self.authorization} | headers
        return self.http.post("/mcp", content=content, headers={name.replace("_", "-"): sent[name] for name in sent})

    def send(self, method: str, **params: object) -> dict[str, Any]:
        """Send a request; return the whole answer."""
        answer = self.post({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}, **SPOKEN)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert (told["jsonrpc"], told["id"]) == ("2.0", 7)
        return told

    def use(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Use a tool; return its result."""
        result: dict[str, Any] = self.send("tools/call", name=tool, arguments=arguments)["result"]
        return result

    def refuse(self, tool: str, **arguments: object) -> str:
        """Use a tool that refuses; return its sentence."""
        result = self.use(tool, **arguments)
        assert result["isError"] is True
        text: str = result["content"][0]["text"]
        return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mcp")


@pytest.fixture(scope="module")
def me(folder: Path) -> Iterator[Assistant]:
    """Whoever has the password of a server that demands consent: both hold for tools, too."""
    password = SecretStr("correct horse")
    settings = Settings(
        data_dir=folder,
        page=False,
        live="off",
        consent="required",
        password=password,
        queue_size=1,
        watermark=False,
        content_credentials=False,
        max_photo_mb=1,
        max_voice_mb=1,
    )

    with TestClient(create_app(settings), "http://localhost") as http:
        yield Assistant(http, "Basic " + base64.b64encode(b"me:correct horse").decode())


@pytest.fixture(scope="module")
def files(photo: bytes, voice: bytes) -> dict[str, Any]:
    packed = {"image_b64": photo, "audio_b64": voice}
    return {name: base64.b64encode(content).decode() for name, content in packed.items()} | {"consent": True}


def test_shakes_hands(me: Assistant) -> None:
    result = me.send("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t"})["result"]
    assert result["protocolVersion"] == "2025-06-18"
    assert result["capabilities"] == {"tools": {}}
    assert result["serverInfo"]["name"] == "video-lab"
    assert me.send("initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == "2025-11-25"
    ready = me.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (ready.status_code, ready.content) == (202, b"")
    assert me.send("ping")["result"] == {"resultType": "complete"}


def test_makes_a_video(me: Assistant, files: dict[str, Any], photo: bytes) -> None:
    upload = me.http.post("/uploads", files={"file": photo}, headers={"Authorization": me.authorization}).json()
    named = {name: value for name, value in files.items() if name != "image_b64"} | {"image_id": upload["id"]}
    job, again = (
        me.use("make_video", **named, max_duration_sec=1, seed=3, idempotency_key="k1")["structuredContent"]
        for _ in range(2)
    )
    assert again["job_id"] == job["job_id"]
    listed = me.use("list_jobs", status=None, limit=5)["structuredContent"]["jobs"]
    assert [one["job_id"] for one in listed] == [job["job_id"]]
    assert "Wait until its status is" in me.refuse("get_video", job_id=job["job_id"])
    while (done := me.use("get_job", job_id=job["job_id"])["structuredContent"])["status"] in {"queued", "running"}:
        pass
    assert (done["status"], done["metadata"]["seed"]) == ("done", 3)
    result = me.use("get_video", job_id=job["job_id"])
    about, sentence, link, picture = result["content"]
    assert result["structuredContent"]["job_id"] == job["job_id"]
    assert job["job_id"] in about["text"]
    assert link["type"] == "resource_link"
    assert link["uri"] in sentence["text"]
    assert me.http.get(link["uri"], headers={"Authorization": me.authorization}).headers["content-type"] == "video/mp4"
    with Image.open(BytesIO(base64.b64decode(picture["data"]))) as poster:
        assert 100 < max(poster.size) <= 512
    kept = me.use("cancel_job", job_id=job["job_id"])["structuredContent"]
    assert (kept["status"], kept["expired"]) == ("done", False)


def test_cancels_and_tells_of_the_same_limits(me: Assistant, files: dict[str, Any], long_voice: bytes) -> None:
    long = files | {"audio_b64": base64.b64encode(long_voice).decode()}
    answers = [me.use("make_video", **long) for _ in range(3)]
    refused = [answer for answer in answers if "isError" in answer]
    assert "Retry after" in refused[0]["content"][0]["text"]
    assert refused[0]["structuredContent"]["status"] == 503
    for job in (answer["structuredContent"] for answer in answers if "isError" not in answer):
        assert me.use("cancel_job", job_id=job["job_id"])["structuredContent"]["status"] == "cancelled"


def test_a_key_has_its_own_jobs_and_limits(me: Assistant, folder: Path, files: dict[str, Any]) -> None:
    keys = KeyBook(Database(folder / FILE_NAME))
    anna, bert = (
        Assistant(me.http, f"Bearer {keys.create(name, KeyLimits(jobs_per_hour=1)).token}") for name in ("Anna", "Bert")
    )
    job_id = anna.use("make_video", **files)["structuredContent"]["job_id"]
    for tool in ("get_job", "get_video", "cancel_job"):
        assert "There is no such job" in bert.refuse(tool, job_id=job_id)
    assert bert.use("list_jobs")["structuredContent"]["jobs"] == []
    limited = anna.use("make_video", **files)
    assert limited["structuredContent"]["code"] == "limit.rate"
    assert limited["structuredContent"]["detail"] in limited["content"][0]["text"]
    assert anna.use("cancel_job", job_id=job_id)["structuredContent"]["status"] == "cancelled"


def test_estimates_and_lists(me: Assistant) -> None:
    profiles = me.use("list_profiles")["structuredContent"]["items"]
    assert "preview" in [profile["name"] for profile in profiles]
    assert me.use("estimate_video", profile="preview", audio_duration=10)["structuredContent"]["cost_usd"] == 0
    tools = {tool["name"]: tool for tool in me.send("tools/list")["result"]["tools"]}
    assert {
        "make_video",
        "get_job",
        "get_video",
        "cancel_job",
        "list_jobs",
        "list_profiles",
        "estimate_video",
    } <= tools.keys()
    assert all(tool["inputSchema"]["type"] == "object" for tool in tools.values())
    assert "consent" in tools["make_video"]["inputSchema"]["properties"]


def test_tells_what_is_wrong_in_the_answer(me: Assistant, files: dict[str, Any]) -> None:
    assert "consent" in me.refuse("make_video", **files | {"consent": False})
    assert "image_b64 is not base64" in me.refuse("make_video", **files | {"image_b64": "?"})
    assert "Idempotency-Key" in me.refuse("make_video", **files, idempotency_key="\u00fc \r\n")
    assert "no such field" in me.refuse("make_video", **files, colour="red")
    assert "at most 50" in me.refuse("get_job", job_id="a" * 22, wait_seconds=99)
    assert "There is no such job" in me.refuse("get_job", job_id="a" * 22)
    for tool in ("get_job", "get_video", "cancel_job"):
        assert "pattern" in me.refuse(tool, job_id="../profiles")


def test_refuses_what_is_no_message(me: Assistant) -> None:
    assert me.send("resources/list")["error"]["code"] == -32601
    assert me.send("tools/call", name="rm")["error"]["code"] == -32602
    for body, code in (("{", -32700), ("[]", -32700), ('{"jsonrpc": "2.0", "id": 1}', -32600)):
        answer = me.post(body)
        assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (400, code, None)
    for large in ({"id": "A" * 201}, {"id": 1, "params": {"x": "A" * 200_000}}):
        answer = me.post({"jsonrpc": "2.0", "method": "ping", **large})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, -32600)
    unknown = me.post({}, MCP_Protocol_Version="1999-01-01")
    assert unknown.json()["error"]["data"]["supported"] == ["2025-06-18", "2025-11-25", "2026-07-28"]
    assert me.http.get("/mcp", headers={"Authorization": me.authorization}).status_code == 405


def test_keeps_the_same_doors(me: Assistant) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert me.post(ping, Authorization="Basic bWU6d3Jvbmc=").status_code == 401
    assert me.post(ping, Origin="https://evil.example").status_code == 403
    large = me.post(ping | {"params": {"arguments": {"image_b64": "A" * 3_200_000}}})
    assert large.status_code == 413


def test_speaks_the_newest_revision(me: Assistant) -> None:
    def ask(method: str, headers: dict[str, str], **params: object) -> tuple[int, dict[str, Any]]:
        body = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        answer = me.post(body, **{"MCP-Protocol-Version": "2026-07-28", **headers})
        return answer.status_code, answer.json()

    status, found = ask("server/discover", {"Mcp-Method": "server/discover"}, _meta=NEWEST)
    assert (status, found["result"]["resultType"]) == (200, "complete")
    assert "2026-07-28" in found["result"]["supportedVersions"]
    named = {"Mcp-Method": "tools/call", "Mcp-Name": "list_profiles"}
    assert ask("tools/call", named, _meta=NEWEST, name="list_profiles")[1]["result"]["structuredContent"]["items"]
    assert ask("tools/call", named, _meta=NEWEST, name="cancel_job")[1]["error"]["code"] == -32020
    assert ask("tools/list", {"Mcp-Method": "tools/list"})[1]["error"]["code"] == -32602
    assert ask("logging", {"Mcp-Method": "logging"}, _meta=NEWEST)[0] == 404
    later = NEWEST | {VERSION_KEY: "2099-01-01"}
    assert ask("ping", {"Mcp-Method": "ping"}, _meta=later)[1]["error"]["code"] == -32020


def test_can_be_turned_off(tmp_path: Path) -> None:
    with TestClient(create_app(Settings(data_dir=tmp_path, page=False, mcp=False)), "http://localhost") as client:
        assert client.post("/mcp", json={}).status_code == 404
