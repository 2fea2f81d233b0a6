"""The app as a whole: what it says of itself."""

import asyncio
import re
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import uvicorn
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.__main__ import _listen, _Protocol
from app.main import create_app
from app.settings import Settings
from pipeline.version import VERSION
from tests.app.server import Server, find_port
from tests.photos import TURNED, encode, open_hopper


def test_health_names_the_models_and_why_others_are_missing(server: Server) -> None:
    health = server.client.get("/health").json()
    assert health["status"] == "healthy"
    assert health["models"] == ["preview"]
    assert health["version"] == VERSION
    assert "GPU" in health["engines"]["infinitetalk"]["reason"]
    assert "GPU" in health["engines"]["longcat"]["reason"]


def test_profiles_say_what_they_do_and_whether_they_can_be_used(server: Server) -> None:
    profiles = {profile["name"]: profile for profile in server.client.get("/profiles").json()}
    assert list(profiles) == [
        "preview",
        "turbo",
        "fast_lora",
        "fast",
        "low_vram",
        "balanced",
        "quality",
        "longcat",
        "longcat_quality",
    ]
    assert [name for name, profile in profiles.items() if profile["available"]] == ["preview"]
    assert profiles["quality"]["num_inference_steps"] == 40


def test_metrics_count_requests_by_pattern_and_never_by_path(server: Server) -> None:
    for path in ("/jobs/", "/v/", "/", "/gradio_api/file=/", "/de/", "/de/gradio_api/file=", "/ui/"):
        server.client.get(f"{path}secret-id")
    text = server.client.get("/metrics").text
    assert 'video_lab_requests_total{method="GET",route="/jobs/{job_id}",status="404"}' in text
    assert 'video_lab_jobs{status="queued"}' in text
    assert "secret-id" not in text


def test_no_request_makes_a_label_of_its_own(bare: TestClient) -> None:
    before = read_requests(bare)
    for number in range(20):
        bare.get(f"/secret-{number}?secret={number}")
        bare.get(f"/jobs/secret-{number}/video")
        bare.request(f"SECRET{number}", "/jobs")
        bare.get("/metrics", headers={"host": f"secret-{number}.test"})
    rows = read_requests(bare) - before
    assert len(rows) <= 4 + 1
    assert "secret" not in "".join(rows).lower()


def test_answers_to_mistakes_of_ours_are_counted_and_safe(bare: TestClient) -> None:
    answer = bare.get("/mistake")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:video-lab:problem:unexpected")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert any('status="500"' in row for row in read_requests(bare))


def read_requests(client: TestClient) -> set[str]:
    """Return the labels of the requests that have been counted."""
    lines = client.get("/metrics").text.splitlines()
    return {line.partition(" ")[0] for line in lines if line.startswith("video_lab_requests_total")}


@pytest.fixture
def bare(tmp_path: Path) -> TestClient:
    """The app without the page, and with a route that does not work."""

    def fail() -> None:
        raise ZeroDivisionError

    app = create_app(Settings(data_dir=tmp_path, page=False))
    app.add_api_route("/mistake", fail)
    return TestClient(app, raise_server_exceptions=False)


def test_every_route_is_described(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert all(operation["summary"] and operation["description"] and operation["tags"] for operation in operations)
    body = schema["paths"]["/jobs"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}
    names = set(re.findall(r"#/components/schemas/(\w+)", str(schema)))
    assert names <= set(schema["components"]["schemas"])


@pytest.mark.parametrize("status", [400, 409, 413, 415, 500, 503, 504])
def test_every_error_of_a_generation_is_described(status: int, server: Server) -> None:
    described = server.client.get("/openapi.json").json()["paths"]["/generate"]["post"]["responses"]
    assert "application/problem+json" in described[str(status)]["content"]


def test_what_is_refused_before_any_route_is_described(server: Server) -> None:
    paths = server.client.get("/openapi.json").json()["paths"]
    assert {"403", "408", "421"} <= set(paths["/estimate"]["post"]["responses"])
    assert {"403", "421"} <= set(paths["/jobs/{job_id}"]["delete"]["responses"])
    assert "421" not in paths["/health"]["get"]["responses"]
    assert {"401", "429", "503"} <= set(paths["/jobs"]["post"]["responses"])  # a key may be made meanwhile
    assert {} in paths["/jobs"]["post"]["security"]


def test_errors_are_described_as_problems_alone(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    unready = schema["paths"]["/ready"]["get"]["responses"].pop("503")  # as those answer who ask for it: load balancers
    assert list(unready["content"]) == ["application/json"]
    answers = [answer for operation in operations for answer in operation["responses"].items()]
    kinds = [list(answer["content"]) for status, answer in answers if int(status) >= 400]
    assert kinds == [["application/problem+json"]] * len(kinds)


def test_the_description_keeps_to_its_version(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    assert schema["openapi"] == "3.1.0"
    assert "itemSchema" not in str(schema)


def test_the_description_names_what_is_allowed(server: Server) -> None:
    schemas = server.client.get("/openapi.json").json()["components"]["schemas"]
    fields = schemas["VideoBody"]["properties"]
    assert (fields["num_inference_steps"]["minimum"], fields["num_inference_steps"]["maximum"]) == (1, 100)
    assert fields["seed"]["maximum"] == 2**31 - 1
    assert fields["prompt"]["maxLength"] == 2_000
    assert schemas["Crop"]["properties"]["zoom"]["exclusiveMinimum"] == 0


def test_no_field_of_a_form_is_null(server: Server) -> None:
    form = server.client.get("/openapi.json").json()["components"]["schemas"]["VideoForm"]
    assert form["properties"]["face"]["type"] == "integer"
    assert "null" not in str(form)


def test_page_of_the_api_loads_nothing_from_another_host(server: Server) -> None:
    page = server.client.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) == 3
    assert all(server.client.get(source).status_code == 200 for source in sources)
    assert "https://" not in page


def test_answers_carry_safe_headers(server: Server) -> None:
    headers = server.client.get("/health").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_crops_a_photo_to_the_frame_of_the_engine(server: Server, photo: bytes) -> None:
    answer = server.client.post("/face-crop", files={"image": photo}, data={"aspect": "9:16"}).json()
    assert (answer["width"], answer["height"]) == (480, 832)
    assert len(answer["faces"]) == 1
    assert answer["crop"]["width"] < answer["crop"]["height"]
    assert answer["image_b64"].startswith("iVBORw0KGgo")


def test_a_face_turned_far_is_for_the_model_alone(server: Server) -> None:
    answers = [
        server.client.post("/face-crop", files={"image": TURNED.read_bytes()}, data={"profile": profile})
        for profile in ("preview", "quality")
    ]
    assert [answer.status_code for answer in answers] == [400, 200]
    assert answers[0].json()["code"] == "photo.face_turned_error"
    assert [warning["code"] for warning in answers[1].json()["warnings"]] == ["photo.face_turned_far"]


def test_turns_tell_who_speaks_when(server: Server, voice: bytes) -> None:
    answer = server.client.post("/turns", files={"audio": voice}, data={"num_speakers": 1}).json()
    assert answer["num_speakers"] == 1
    assert {turn["speaker"] for turn in answer["turns"]} == {0}
    for wrong in ("0", "5", "nan"):
        refused = server.client.post("/turns", files={"audio": voice}, data={"num_speakers": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "turns.num_speakers")


def test_says_how_a_photo_was_turned(server: Server) -> None:
    sideways = encode(open_hopper().rotate(90, expand=True), "JPEG")
    answer = server.client.post("/face-crop", files={"image": sideways}).json()
    assert [warning["code"] for warning in answer["warnings"]] == ["photo.turned"]
    assert answer["quarter_turns"] == 3


def test_the_app_is_imported_without_torch_and_without_gradio() -> None:
    code = "import sys, app.main; print(sorted({'torch', 'gradio', 'modal', 'transformers'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_takes_as_many_connections_as_the_system_allows() -> None:
    code = """
from resource import RLIMIT_NOFILE, getrlimit, setrlimit
from app.__main__ import _allow_connections

_, most = getrlimit(RLIMIT_NOFILE)
setrlimit(RLIMIT_NOFILE, (100, most))
_allow_connections()
assert getrlimit(RLIMIT_NOFILE) == (most, most)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_answer_waits_for_word_that_its_head_has_come() -> None:
    with _listen(Settings(port=find_port())) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP"])
def test_closes_connections_that_bring_no_request(beginning: bytes) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async def wait_until_closed() -> None:
        config = uvicorn.Config(answer, timeout_keep_alive=1, log_config=None)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(config, ServerState(), {}), "127.0.0.1", 0)
        async with server, asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            with closing(writer):
                writer.write(beginning)
                await reader.read()

    asyncio.run(wait_until_closed())


@pytest.mark.parametrize("path", ["/pieces", "/whole"])
def test_ends_connections_that_do_not_read_their_answer(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.__main__._UNREAD_SECONDS", 0.2)
    lost = asyncio.Event()

    class Watched(_Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        """Send more than the buffers on the way take, in pieces or at once."""
        await send({"type": "http.response.start", "status": 200})
        for _ in range(50 if scope["path"] == "/pieces" else 0):
            await send({"type": "http.response.body", "body": bytes(1 << 20), "more_body": True})
        await send({"type": "http.response.body", "body": bytes(50 << 20)})

    async def wait_until_closed() -> None:
        config = uvicorn.Config(answer, log_config=None)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Watched(config, ServerState(), {}), "127.0.0.1", 0)
        async with server, asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1 << 10)
            with closing(writer):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                await reader.readexactly(100)
                await lost.wait()

    asyncio.run(wait_until_closed())


@pytest.mark.parametrize(("profile", "costs"), [("preview", False), ("balanced", True), ("quality", True)])
def test_estimates_time_and_cost_also_of_what_is_not_available(profile: str, server: Server, *, costs: bool) -> None:
    answer = server.client.post("/estimate", json={"profile": profile, "audio_duration": 12.5}).json()
    assert answer["seconds"] > 1
    assert (answer["cost_usd"] > 0) is costs
    assert answer["available"] is not costs


@pytest.mark.parametrize("body", [{}, {"audio_duration": -1}, {"audio_duration": 1e9}, {"audio_duration": "5"}])
def test_estimates_nothing_without_a_length(body: dict[str, object], server: Server) -> None:
    answer = server.client.post("/estimate", json=body)
    assert answer.status_code == 400
    assert answer.json()["field"] == "audio_duration"
