"""Whatever comes in, the answer is a problem with a reason, and the server stays well."""

import asyncio
import base64
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI, Request
from PIL import Image
from starlette.types import Message

from app.jobs import Jobs
from app.routes.bodies import read_files
from app.schemas.bodies import VideoBody
from app.settings import Settings
from app.storage import JobStore
from tests.app.server import Server

Make = Callable[[bytes, bytes], dict[str, Any]]


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def body(photo: bytes, voice: bytes, **changes: object) -> dict[str, object]:
    whole = {"image_b64": encode(photo), "audio_b64": encode(voice), **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def as_json(**changes: object) -> Make:
    return lambda photo, voice: {"json": body(photo, voice, **changes)}


def as_sent(**request: object) -> Make:
    return lambda *_: request


def as_text(text: str, kind: str = "application/json") -> Make:
    return as_sent(content=text.encode(), headers={"content-type": kind})


def with_same_file(which: int) -> Make:
    return lambda *files: {"json": body(files[which], files[which])}


def with_half_a_photo(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {"json": body(photo[:2_000], voice)}


def with_text_for_a_voice(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {"files": {"image": ("me.jpg", photo)}, "data": {"audio": "hi"}}


def with_two_photos(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {"files": [("image", ("p", photo)), ("audio", ("v", voice)), ("image", ("q", photo))]}


def with_a_field_twice(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {"files": {"image": ("p", photo), "audio": ("v", voice)}, "data": {"seed": ["1", "2"]}}


def from_another_site(photo: bytes, voice: bytes) -> dict[str, Any]:
    return {"files": {"image": ("p", photo), "audio": ("v", voice)}, "headers": {"sec-fetch-site": "cross-site"}}


def with_raw(field: str, raw: str) -> Make:
    """Put a text into JSON that `json.dumps` would not write."""

    def make(photo: bytes, voice: bytes) -> dict[str, Any]:
        text = json.dumps(body(photo, voice))[:-1] + f', "{field}": {raw}}}'
        return {"content": text.encode(), "headers": {"content-type": "application/json"}}

    return make


def as_form(image: bytes | None = None, audio: bytes | None = None, **fields: str) -> Make:
    def make(photo: bytes, voice: bytes) -> dict[str, Any]:
        return {"files": {"image": ("p", image or photo), "audio": ("v", audio or voice)}, "data": fields}

    return make


def picture(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "grey").save(file, "PNG")
    return file.getvalue()


def wav(samples: np.ndarray[Any, np.dtype[np.int16]]) -> bytes:
    data = samples.tobytes()
    size = len(data)
    header = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    layout = b"\1\0\1\0" + (16_000).to_bytes(4, "little") + (32_000).to_bytes(4, "little") + b"\2\0\x10\0"
    return header + layout + b"data" + size.to_bytes(4, "little") + data


JSON = {"content-type": "application/json"}
SILENCE = wav(np.zeros(32_000, np.int16))
BLIP = wav(np.full(3_000, 9_000, np.int16))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
PLAYLIST = b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n"
CONCAT = b"ffconcat version 1.0\nfile /etc/passwd\n"

BAD: dict[str, tuple[Make, int, str | None]] = {
    "no body": (as_text(""), 400, None),
    "no JSON": (as_text("photo and voice, please"), 400, None),
    "half of JSON": (as_text('{"image_b64": "'), 400, None),
    "a list": (as_text("[]"), 400, None),
    "a number": (as_text("7"), 400, None),
    "null": (as_text("null"), 400, None),
    "deep JSON": (as_text("[" * 50_000), 400, None),
    "JSON of countless parts": (as_text(f'{{"prompt": [{"{}," * 20_000}{{}}]}}'), 400, None),
    "deep field": (with_raw("prompt", "[" * 2_000 + "]" * 2_000), 400, None),
    "broken UTF-8": (as_sent(content=b'{"prompt": "\xff"}', headers={"content-type": "application/json"}), 400, None),
    "a lone surrogate": (with_raw("prompt", r'"\ud800"'), 400, None),
    "no type": (as_sent(content=b"{}"), 415, None),
    "text": (as_text("{}", "text/plain"), 415, None),
    "XML": (as_text("<a/>", "application/xml"), 415, None),
    "a packed body": (as_sent(content=b"\x1f\x8b", headers=JSON | {"content-encoding": "gzip"}), 415, None),
    "an urlencoded form": (as_sent(data={"image": "x"}), 415, None),
    "a form without boundary": (as_text("x", "multipart/form-data"), 400, None),
    "a form of garbage": (as_text("x" * 99, "multipart/form-data; boundary=b"), 400, None),
    "a form without files": (as_sent(files={"other": ("o", b"x")}), 400, "other"),
    "a form without voice": (as_sent(files={"image": ("p", b"x")}), 400, "audio"),
    "a form with text for a file": (with_text_for_a_voice, 400, "audio"),
    "a form with three files": (with_two_photos, 400, None),
    "a form with a field twice": (with_a_field_twice, 400, "seed"),
    "a form with a long name": (as_sent(files={"n" * 3_000: ("o", b"x")}), 400, None),
    "a form of another site": (from_another_site, 403, None),
    "a form with a hundred fields": (as_form(**{f"f{i}": "1" for i in range(100)}), 400, None),
    "a form with a long field": (as_form(prompt="x" * 200_000), 400, None),
    "a form with a word for a number": (as_form(seed="seven"), 400, "seed"),
    "a form whose crop is no JSON": (as_form(crop="{"), 400, "crop"),
    "no photo": (as_json(image_b64=...), 400, "image_b64"),
    "no voice": (as_json(audio_b64=...), 400, "audio_b64"),
    "an unknown field": (as_json(max_duration=5), 400, "max_duration"),
    "a photo that is a number": (as_json(image_b64=5), 400, "image_b64"),
    "a photo that is null": (as_json(image_b64=None), 400, "image_b64"),
    "an empty photo": (as_json(image_b64=""), 400, "image_b64"),
    "no base64": (as_json(image_b64="@@@@"), 400, "image_b64"),
    "base64 with umlauts": (as_json(image_b64="äöü"), 400, "image_b64"),
    "a data URL of text": (as_json(image_b64="data:text/html;base64,QUJD"), 400, "image_b64"),
    "a data URL without base64": (as_json(image_b64="data:image/png,abc"), 400, "image_b64"),
    "a data URL that is only a beginning": (as_json(audio_b64="data:audio/wav"), 400, "audio_b64"),
    "a picture as voice": (with_same_file(0), 400, "audio"),
    "a voice as photo": (with_same_file(1), 400, "image"),
    "an SVG with a link": (as_json(image_b64=encode(SVG)), 400, "image"),
    "a playlist": (as_json(audio_b64=encode(PLAYLIST)), 400, "audio"),
    "a concat list": (as_json(audio_b64=encode(CONCAT)), 400, "audio"),
    "half of a photo": (with_half_a_photo, 400, "image"),
    "zeros": (as_json(image_b64=encode(bytes(5_000)), audio_b64=encode(bytes(5_000))), 400, "image"),
    "a photo without a face": (as_json(image_b64=encode(picture(600, 600))), 400, "image"),
    "a tiny photo": (as_json(image_b64=encode(picture(20, 20))), 400, "image"),
    "silence": (as_json(audio_b64=encode(SILENCE)), 400, "audio"),
    "a blip": (as_json(audio_b64=encode(BLIP)), 400, "audio"),
    "an unknown profile": (as_json(profile="best"), 400, "profile"),
    "a profile that is a number": (as_json(profile=1), 400, "profile"),
    "a model that does not fit": (as_json(profile="preview", model="infinitetalk"), 400, "model"),
    "an unknown aspect": (as_json(aspect="4:3"), 400, "aspect"),
    "a face that is not there": (as_json(face=9), 400, "face"),
    "a negative face": (as_json(face=-1), 400, "face"),
    "a face that is true": (as_json(face=True), 400, "face"),
    "a huge face": (with_raw("face", "9" * 400), 400, "face"),
    "no zoom": (as_json(crop={"zoom": 0}), 400, "crop"),
    "a crop with a mistake": (as_json(crop={"zoon": 2}), 400, "crop"),
    "a crop that is a list": (as_json(crop=[1, 2]), 400, "crop"),
    "a negative seed": (as_json(seed=-1), 400, "seed"),
    "a seed with a comma": (as_json(seed=1.5), 400, "seed"),
    "a seed that is a text": (as_json(seed="7"), 400, "seed"),
    "a huge seed": (with_raw("seed", "9" * 5_000), 400, None),
    "a seed of hundreds of digits": (as_form(seed="9" * 400), 400, "seed"),
    "NaN": (with_raw("start_sec", "NaN"), 400, "start_sec"),
    "infinity": (with_raw("max_duration_sec", "Infinity"), 400, "max_duration_sec"),
    "a huge float": (with_raw("start_sec", "1e999"), 400, "start_sec"),
    "a negative start": (as_json(start_sec=-1), 400, "start_sec"),
    "a start after the end": (as_json(start_sec=100), 400, "start_sec"),
    "no duration": (as_json(max_duration_sec=0), 400, "max_duration_sec"),
    "a long prompt": (as_json(prompt="x" * 3_000), 400, "prompt"),
    "a prompt that is a list": (as_json(prompt=["x"]), 400, "prompt"),
    "no steps": (as_json(num_inference_steps=0), 400, "num_inference_steps"),
    "too much guidance": (as_json(guidance_scale=99), 400, "guidance_scale"),
    "too large a photo": (as_form(image=bytes(5_100_000)), 413, "image"),
    "too large a voice": (as_form(audio=bytes(5_100_000)), 413, "audio"),
    "too large a form": (as_form(image=bytes(12_000_000)), 413, None),
    "too large a JSON": (as_json(image_b64="A" * 15_000_000), 413, None),
    "a GPU's profile": (as_json(profile="quality"), 503, None),
}  # fmt: skip


@pytest.mark.parametrize("path", ["/jobs", "/generate"])
@pytest.mark.parametrize("name", BAD)
def test_says_why_a_request_is_refused(name: str, path: str, server: Server, photo: bytes, voice: bytes) -> None:
    make, status, field = BAD[name]
    problem = read_problem(server.client.post(path, **make(photo, voice)), status)
    assert field is None or problem["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/jobs/unknown", 404),
        ("GET", "/jobs/..%2f..%2fetc", 404),
        ("GET", "/jobs/%00", 404),
        ("GET", f"/jobs/{'A' * 22}", 404),
        ("GET", f"/jobs/{'A' * 5_000}/video", 404),
        ("GET", f"/jobs/{'A' * 22}/events", 404),
        ("GET", f"/jobs/{'A' * 22}/poster", 404),
        ("DELETE", f"/jobs/{'A' * 22}", 404),
        ("PUT", "/jobs", 405),
        ("GET", "/generate", 405),
        ("DELETE", "/health", 405),
        ("PATCH", f"/jobs/{'A' * 22}", 405),
        ("POST", "/estimate", 415),
    ],
)
def test_says_what_is_not_there(method: str, path: str, status: int, server: Server) -> None:
    read_problem(server.client.request(method, path), status)


def test_names_both_ways_out_where_there_is_no_gpu(server: Server, photo: bytes, voice: bytes) -> None:
    answer = server.client.post("/jobs", json=body(photo, voice, profile="balanced"))
    detail = read_problem(answer, 503)["detail"]
    assert "modal deploy" in detail
    assert "GPU" in detail


def test_stops_reading_a_body_without_end(server: Server) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200):
            sent += 1_000_000
            yield bytes(1_000_000)

    with suppress(httpx.TransportError):  # the connection may be closed while the body is still on its way
        read_problem(server.client.post("/jobs", content=endless(), headers={"content-type": "application/json"}), 413)
    assert sent < 120_000_000
    assert server.client.get("/health").status_code == 200


def test_many_large_bodies_of_json_do_not_fill_the_memory(tmp_path: Path) -> None:
    sent = json.dumps(body(bytes(6_000_000), bytes(10))).encode()
    app = FastAPI()
    folders = [tmp_path / "bodies" / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir(parents=True)

    async def read(folder: Path) -> VideoBody:
        parts = iter(range(0, len(sent), 1 << 16))

        async def receive() -> Message:
            await asyncio.sleep(0)
            start = next(parts)
            end = start + (1 << 16)
            return {"type": "http.request", "body": sent[start:end], "more_body": end < len(sent)}

        request = Request({"type": "http", "headers": [(b"content-type", b"application/json")], "app": app}, receive)
        return await read_files(request, folder, VideoBody, VideoBody, 50_000_000)

    async def read_at_once() -> list[VideoBody]:
        app.state.jobs = Jobs(Settings(data_dir=tmp_path / "data"), JobStore(tmp_path / "data"))
        try:
            return await asyncio.gather(*map(read, folders))
        finally:
            await app.state.jobs.close()

    tracemalloc.start()
    read_bodies = asyncio.run(read_at_once())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(sent)
    assert {options.image_b64 for options in read_bodies} == {""}
    assert {path.name: path.stat().st_size for path in tmp_path.glob("bodies/*/*")} == {"image": 6_000_000, "audio": 10}


def read_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:video-lab:problem:")
    assert status != 400 or problem["type"].endswith((":invalid-body", ":invalid-input"))
    assert len(problem.get("field", "")) < 300
    assert len(problem["detail"]) > 20
    assert len(problem["detail"]) < 600
    assert "Traceback" not in answer.text
    return problem
