"""Uploads as they come: bounded before they are written."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.errors import AppError
from app.problems import answer_error
from app.quota import ByteQuota
from app.ui.gate import UploadLimits, Uploads
from app.ui.gate.receive import receive_files

LIMITS = UploadLimits(file_bytes=1000)
VISITOR = "a" * 32


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads", LIMITS, ByteQuota(total_bytes=10_000, client_bytes=3000))


@pytest.fixture
def client(uploads: Uploads) -> TestClient:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = JSONResponse(await receive_files(scope, receive, uploads, VISITOR, "1"))
        except AppError as error:
            await answer_error(error)(scope, receive, send)
        else:
            await answer(scope, receive, send)

    return TestClient(app)


def send_files(client: TestClient, *files: tuple[str, bytes]) -> httpx.Response:
    return client.post("/", files=[("files", file) for file in files])


def test_files_get_names_that_cannot_be_guessed(client: TestClient, uploads: Uploads) -> None:
    answer = send_files(client, ("me.jpg", b"photo"), ("me.jpg", b"other"))
    first, second = answer.json()
    assert re.fullmatch(rf"{uploads.folder}/{VISITOR}/[\w-]{{22}}/me.jpg", first)
    assert (Path(first).read_bytes(), Path(second).read_bytes()) == (b"photo", b"other")


@pytest.mark.parametrize(
    "name", ["../../../x", "..", ".", "/etc/passwd", "a/b", "\\x", "x" * 300, ".hidden", "é 1.jpg"]
)
def test_names_stay_in_their_folder(client: TestClient, uploads: Uploads, name: str) -> None:
    (path,) = (send_files(client, (name, b"photo"))).json()
    assert Path(path).parent.parent == uploads.folder / VISITOR
    assert uploads.find(path, VISITOR) == Path(path)


def test_nine_hundred_files_are_refused_before_they_are_written(
    client: TestClient, uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr("gradio.route_utils.NamedTemporaryFile", _counting(made))
    answer = send_files(client, *[(f"{number}.jpg", b"x") for number in range(900)])
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:video-lab:problem:too-large")
    assert len(made) <= LIMITS.files_at_once
    assert list(uploads.folder.rglob("*.*")) == []


def _counting(made: list[str]) -> object:
    def make(**settings: object) -> object:
        file = tempfile.NamedTemporaryFile(**settings)  # type: ignore[call-overload] # noqa: SIM115 - handed on
        made.append(file.name)
        return file

    return make


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("a", b"x" * 1000)], 200),
        ([("a", b"x" * 1001)], 413),
        ([("a", b"x" * 900)] * 4, 429),
        ([("a", b"x" * 200_000)], 413),
    ],
)
def test_too_much_is_refused(client: TestClient, uploads: Uploads, files: list[tuple[str, bytes]], status: int) -> None:
    answer = send_files(client, *files)
    assert answer.status_code == status
    assert bool(uploads.num_bytes) == (status == 200)
    if status == 429:
        assert int(answer.headers["retry-after"]) > 0


def test_a_body_without_a_length_is_refused_while_it_comes(client: TestClient, uploads: Uploads) -> None:
    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(1000):
            yield b"x" * 1000

    answer = client.post("/", content=body(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code in {413, 429}
    assert uploads.num_bytes == 0


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=x", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
def test_what_is_no_form_of_files_is_refused(
    client: TestClient, uploads: Uploads, content: bytes, kind: str, status: int
) -> None:
    answer = client.post("/", content=content, headers={"content-type": kind})
    assert (answer.status_code, len(uploads)) == (status, 0)
