"""What Gradio sees of a request's body."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.block_function import BlockFunction
from starlette.requests import Request
from starlette.types import Message

from app.errors import BodyError, BodyTooLargeError, UploadNotFoundError
from app.ui.gate.payload import clean, read_body

Shape = Callable[[object], dict[str, object]]
META = {"_type": "gradio.FileData"}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    (tmp_path / "me.jpg").write_bytes(b"photo")
    return tmp_path / "me.jpg"


async def make_fn() -> BlockFunction:
    """Make an event; it takes the running loop, and would leave one of its own open."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        photo, text, page = gr.Image(), gr.Textbox(), gr.JSON()
        gr.Button().click(print, [photo, text, page], None)
    return next(iter(blocks.fns.values()))


async def make_menus() -> BlockFunction:
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Button().click(print, [gr.Dropdown(["a"]), gr.Radio(["b"])], None)
    return next(iter(blocks.fns.values()))


@pytest.fixture(scope="module")
def fn() -> BlockFunction:
    return asyncio.run(make_fn())


def clean_with(fn: BlockFunction, mine: Path, **body: object) -> dict[str, Any]:
    given = {"data": [None, "", None], "fn_index": 0, "session_hash": "abc"} | body
    return clean(given, fn, lambda path: mine if path == str(mine) else None)


def test_of_a_file_only_its_place_and_its_name_are_believed(fn: BlockFunction, mine: Path) -> None:
    said = {"path": str(mine), "url": "http://169.254.169.254/", "is_stream": True, "orig_name": "me.jpg", "size": 1}
    cleaned = clean_with(fn, mine, data=[{**said, "meta": META, "more": {"path": "/x"}}, "", None])
    assert cleaned["data"][0] == {"path": str(mine), "orig_name": "me.jpg", "size": 5, "meta": META}


@pytest.mark.parametrize("path", ["/etc/passwd", "", None, 7, ["/etc/passwd"], {"path": "/etc/passwd"}])
@pytest.mark.parametrize(
    "shape",
    [
        lambda file: {"data": [file, "", None]},
        lambda file: {"data": [None, file, None]},
        lambda file: {"data": [None, "", [[{"a": [file]}]]]},
        lambda file: {"event_data": {"value": {"image": file}}},
    ],
)
def test_a_file_of_nobody_is_refused_wherever_it_stands(
    fn: BlockFunction, mine: Path, path: object, shape: Shape
) -> None:
    with pytest.raises(UploadNotFoundError):
        clean_with(fn, mine, **shape({"path": path, "meta": META}))


@pytest.mark.parametrize("photo", ["/etc/passwd", 1, [], {}, {"url": "http://x/"}, {"meta": META}])
def test_an_input_of_files_takes_nothing_else(fn: BlockFunction, mine: Path, photo: object) -> None:
    with pytest.raises(BodyError, match="Expected a file"):
        clean_with(fn, mine, data=[photo, "", None])


@pytest.mark.parametrize("value", ["A" * 201, 1, ["a"], {"a": "b"}])
@pytest.mark.parametrize("position", [0, 1])
def test_a_menu_takes_short_words_alone_since_gradio_logs_what_it_refuses(position: int, value: object) -> None:
    data: list[object] = ["A" * 200, None]
    fn = asyncio.run(make_menus())
    assert clean({"data": data}, fn, lambda _: None)["data"] == data
    data[position] = value
    with pytest.raises(BodyError, match="one of a menu's values"):
        clean({"data": data}, fn, lambda _: None)


def test_addresses_are_taken_out(fn: BlockFunction, mine: Path) -> None:
    cleaned = clean_with(fn, mine, data=[None, "", {"url": "http://x/", "kept": [{"url": "http://x/"}]}])
    assert cleaned["data"][2] == {"kept": [{}]}


def test_what_gradio_tells_itself_is_taken_out(fn: BlockFunction, mine: Path) -> None:
    cleaned = clean_with(fn, mine, batched=True, event_id="x", oauth_token="x", simple_format=True, request={})
    assert set(cleaned) == {"data", "fn_index", "session_hash"}


@pytest.mark.parametrize("number", [1, 0.5, "2", "-0.25"])
def test_numbers_of_a_press_are_taken_as_the_page_sends_them(fn: BlockFunction, mine: Path, number: object) -> None:
    assert clean_with(fn, mine, event_data={"face": number})["event_data"] == {"face": number}


@pytest.mark.parametrize(
    "body",
    [
        {"data": None},
        {"data": {}},
        {"data": []},
        {"data": [None] * 4},
        {"session_hash": "../x"},
        {"session_hash": ""},
        {"session_hash": "x" * 65},
        {"session_hash": 7},
        {"session_hash": "é"},
        {"trigger_id": "x"},
        {"event_data": json.loads("[" * 20 + "]" * 20)},
        {"event_data": {"job": ["x"]}},
        {"event_data": {"name": "x" * 201}},
        {"event_data": {"face": "x"}},
        {"event_data": {"zoom": float("nan")}},
        {"event_data": {"zoom": 10**400}},
        {"event_data": {"x": "1e999"}},
    ],
)
def test_what_does_not_fit_is_refused(fn: BlockFunction, mine: Path, body: dict[str, Any]) -> None:
    with pytest.raises(BodyError):
        clean_with(fn, mine, **body)


def read(content: bytes) -> dict[str, Any]:
    parts: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        return parts.pop()

    return asyncio.run(read_body(Request({"type": "http", "headers": []}, receive)))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_no_object_is_refused(content: bytes) -> None:
    with pytest.raises(BodyError):
        read(content)


def test_a_large_body_is_refused() -> None:
    with pytest.raises(BodyTooLargeError):
        read(b'{"a": "' + b"a" * 1_000_000 + b'"}')
