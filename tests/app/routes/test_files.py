"""How files are answered, to the byte and to the header."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from app.problems import add_handlers
from app.routes.files import answer_file

CONTENT = bytes(range(100))


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    app = FastAPI()
    add_handlers(app)
    (tmp_path / "video").write_bytes(CONTENT)
    os.utime(tmp_path / "video", (1e9, 1e9))

    @app.get("/{name}")
    async def video(name: str, request: Request) -> Response:
        return answer_file(request, tmp_path / name, "job", "talking.mp4")

    return app


def get(app: FastAPI, headers: Mapping[str, str] | None = None, path: str = "/video") -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_only_the_one_who_asked_may_keep_it(app: FastAPI) -> None:
    answer = get(app)
    assert answer.content == CONTENT
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"


@pytest.mark.parametrize(
    ("known", "status"),
    [("{tag}", 304), ("W/{tag}", 304), ('"other", {tag}', 304), ('"other",W/{tag}', 304), ("*", 304), ('"other"', 200)],
)
def test_answers_that_nothing_has_changed(known: str, status: int, app: FastAPI) -> None:
    tag = get(app).headers["etag"]
    answer = get(app, {"If-None-Match": known.format(tag=tag)})
    assert answer.status_code == status
    assert answer.headers["etag"] == tag
    assert answer.headers["cache-control"] == "private, max-age=0, must-revalidate"
    assert answer.content == (b"" if status == 304 else CONTENT)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=99-", 99, 99),
        ("bytes=99-99", 99, 99),
        ("bytes=-1", 99, 99),
        ("bytes=98-200", 98, 99),
    ],
)
def test_counts_from_the_first_byte_to_the_last(asked: str, first: int, last: int, app: FastAPI) -> None:
    answer = get(app, {"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/100"
    assert answer.content == CONTENT[first : last + 1]


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-100", "bytes=-0"])
def test_the_first_byte_after_the_end_is_outside(asked: str, app: FastAPI) -> None:
    answer = get(app, {"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */100"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=0-3"])
def test_a_range_of_another_version_is_the_whole(asked: str, app: FastAPI) -> None:
    answer = get(app, {"Range": asked, "If-Range": '"other"'})
    assert (answer.status_code, answer.content) == (200, CONTENT)


def test_a_file_that_has_just_been_deleted_is_gone(app: FastAPI) -> None:
    assert get(app, path="/deleted").status_code == 410
