"""The doctor finds what keeps people out or costs them, and changes nothing."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.accounts.database import FILE_NAME, Database
from app.accounts.keys import find_seal
from app.doctor.findings import Finding
from app.doctor.machine import look_over
from app.doctor.visit import Visit, WrongAnswerError, _generate, _run_batch, call_on


def look(about: str) -> Finding:
    return next(one for one in look_over() if one.about.startswith(about))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIDEO_LAB_DATA_DIR", str(tmp_path))
    Database(tmp_path / FILE_NAME).close()
    return tmp_path / FILE_NAME


def test_nobody_who_can_get_in_is_a_fault(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look("keys").grade == "well"
    find_seal(database).touch()
    assert (look("keys").grade, "nobody gets in" in look("keys").told) == ("fault", True)
    with monkeypatch.context() as patched:
        patched.setenv("VIDEO_LAB_PASSWORD", "a long password for the door")
        assert look("keys").grade == "well"
    database.unlink()
    assert (look("keys").grade, "is gone" in look("keys").told) == ("fault", True)


@pytest.mark.parametrize(("version", "grade", "told"), [(0, "well", "0 can"), (999, "fault", "it has version 999")])
def test_a_database_of_another_version_is_only_read(database: Path, version: int, grade: str, told: str) -> None:
    changer = sqlite3.connect(database)
    changer.execute(f"PRAGMA user_version = {version}")
    changer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    changer.close()
    before = database.read_bytes()
    found = look("keys")
    assert (found.grade, told in found.told) == (grade, True)
    assert database.read_bytes() == before


def test_a_bucket_or_weights_that_do_nothing_are_faults(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_LAB_BUCKET_DIR", str(database.parent / "none"))
    monkeypatch.setenv("VIDEO_LAB_WEIGHTS_DIR", str(database.parent))
    assert (look("bucket").grade, look("weights").grade) == ("fault", "fault")


@pytest.mark.parametrize("url", ["http://[::1", "video.example.com", "https://", "https://a:port"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    assert [one.grade for one in call_on(url, None, "preview")] == ["fault"]


def visit(answer: Callable[[httpx.Request], httpx.Response]) -> Visit:
    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="https://video.example.com")
    made = Visit(client, "fast")
    made.made |= {"image_id": "i", "audio_id": "a"}
    return made


def test_a_row_that_failed_is_not_waited_for() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, json={"batch_id": "b"})
        return httpx.Response(200, json={"counts": {"failed": 1}})

    with pytest.raises(WrongAnswerError, match="only row is failed"):
        _run_batch(visit(answer))


def test_a_host_that_leads_on_is_followed_and_the_video_is_free() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path, b"preview" in request.read()))
        if request.method == "POST":
            return httpx.Response(303, headers={"Location": "/wait"})
        return httpx.Response(200, json={"video_b64": "AAAAAGZ0eXA=", "metadata": {"frame_num": 50}})

    caller = visit(answer)
    caller.cheap_profile = "preview"
    assert "50 frames" in _generate(caller)
    assert asked == [("POST", "/generate", True), ("GET", "/wait", False)]
