"""Files are answered whole, in part or not again, exactly at the borders; and what must not be kept says so."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from app.problems import add_handlers
from app.routes.files import answer_file

CONTENT = bytes(range(100))


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    path = tmp_path / "video.mp4"
    path.write_bytes(CONTENT)
    app = FastAPI()

    @app.get("/video")
    def video(request: Request) -> Response:
        return answer_file(request, path, "job", "talking.mp4")

    @app.get("/gone")
    def gone(request: Request) -> Response:
        return answer_file(request, tmp_path / "gone", "job", "talking.mp4")

    add_handlers(app)
    return TestClient(app)


def ask(client: TestClient, **headers: str) -> httpx.Response:
    return client.get("/video", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=0-100", 0, 100),
        ("bytes=99-", 99, 100),
        ("bytes=99-99", 99, 100),
        ("bytes=98-1000", 98, 100),
        ("bytes=7-7", 7, 8),
        ("bytes=-1", 99, 100),
        ("bytes=-99", 1, 100),
        ("bytes=-100", 0, 100),
        ("bytes=-101", 0, 100),
        (" bytes=2-3 ", 2, 4),
    ],
)
def test_a_part_ends_where_it_was_asked_to(asked: str, start: int, end: int, client: TestClient) -> None:
    answer = ask(client, range=asked)
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-100", "bytes=101-200", "bytes=-0"])
def test_a_part_outside_is_refused_with_the_length(asked: str, client: TestClient) -> None:
    answer = ask(client, range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */100"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("asked", ["bytes=5-4", "bytes=0-0,2-2", "bytes=", "bytes=-", "items=0-1"])
def test_what_is_no_range_is_answered_with_the_whole(asked: str, client: TestClient) -> None:
    answer = ask(client, range=asked)
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x",W/{} , "y"', "*"])
def test_what_is_known_is_not_sent_again(form: str, client: TestClient) -> None:
    etag = ask(client).headers["etag"]
    assert etag.startswith('"')
    answer = ask(client, if_none_match=form.format(etag), range="bytes=0-3")
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == etag
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"


@pytest.mark.parametrize("known", ['"other"', 'W/"other"', "", "nonsense"])
def test_what_is_not_known_is_sent(known: str, client: TestClient) -> None:
    answer = ask(client, if_none_match=known)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["etag"] == ask(client).headers["etag"]


def test_a_part_is_one_of_the_same_version_or_the_whole(client: TestClient) -> None:
    whole = ask(client)
    same = [whole.headers["etag"], whole.headers["last-modified"]]
    others = ['"other"', f"W/{whole.headers['etag']}", "Mon, 01 Jan 2024 00:00:00 GMT"]
    assert [ask(client, range="bytes=0-3", if_range=version).status_code for version in same] == [206, 206]
    for asked in ("bytes=0-3", "bytes=100-"):
        answers = [ask(client, range=asked, if_range=version) for version in others]
        assert [(answer.status_code, answer.content) for answer in answers] == [(200, CONTENT)] * 3


def test_what_is_sent_is_asked_for_again_before_it_is_shown(client: TestClient) -> None:
    assert ask(client).headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert ask(client, range="bytes=0-3").headers["cache-control"] == "private, max-age=0, must-revalidate"


@pytest.mark.parametrize(
    "since", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2024 00:00:00 +999999999999", "soon", ""]
)
def test_a_date_that_there_is_not_is_no_condition(client: TestClient, since: str) -> None:
    assert ask(client, if_modified_since=since).content == CONTENT


def test_a_file_that_has_just_been_deleted_has_expired(client: TestClient) -> None:
    answer = client.get("/gone")
    assert (answer.status_code, answer.headers["cache-control"]) == (410, "no-store")
