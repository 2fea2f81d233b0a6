"""A job that is deleted leaves nothing behind, wherever its video was asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.app.attack.targets import open_visitor, upload, wrap
from tests.app.server import Server


@pytest.fixture
def visitor(server: Server) -> Iterator[httpx.Client]:
    with open_visitor(server) as client:
        yield client


def call(client: httpx.Client, name: str, *data: object) -> list[Any]:
    """Call an endpoint by its name, as programs in any language do."""
    event = client.post(f"/gradio_api/call/{name}", json={"data": data}).raise_for_status().json()["event_id"]
    told = client.get(f"/gradio_api/call/{name}/{event}").text
    assert "event: complete" in told, told
    answer: list[Any] = json.loads(told.split("event: complete\ndata: ")[1].partition("\n")[0])
    return answer


def find_bytes(folder: Path, wanted: bytes) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and wanted in path.read_bytes()
    ]


def test_nothing_of_a_deleted_video_is_left_anywhere(
    server: Server, visitor: httpx.Client, photo: bytes, voice: bytes
) -> None:
    mark = b"the end of a photo that nobody else has"
    files = wrap(upload(visitor, photo + mark)), wrap(upload(visitor, voice))
    (state,) = call(visitor, "submit", *files, "preview", 600, "", -1, "auto", 0, 1)
    server.wait_for(state["id"])
    (_, video) = call(visitor, "status", state["id"])
    address = f"/gradio_api/file={video['path']}"
    content = visitor.get(address).raise_for_status().content
    assert content == visitor.get(f"/v/{state['id']}/video.mp4").content
    assert [path.name for path in find_bytes(server.data_dir, content)] == ["video.mp4"]
    assert {path.parent.parent.parent.name for path in find_bytes(server.data_dir, mark)} == {"uploads"}

    server.client.delete(f"/jobs/{state['id']}").raise_for_status()
    assert find_bytes(server.data_dir, content[-1000:]) == []
    for gone in (address, f"/de{address}", f"/v/{state['id']}/video.mp4", f"/jobs/{state['id']}/video"):
        assert visitor.get(gone).status_code in {404, 410}


def test_the_frame_is_kept_with_its_photo(server: Server, visitor: httpx.Client, photo: bytes) -> None:
    path = upload(visitor, photo)
    frame, found = call(visitor, "face_crop", wrap(path), "preview", "9:16", 0, 1, 0, 0)
    assert Path(frame["path"]).parent == Path(path).parent
    assert len(found["faces"]) == 1
    assert visitor.get(f"/gradio_api/file={frame['path']}").headers["content-type"] == "image/webp"
    assert server.client.get(f"/gradio_api/file={frame['path']}").status_code == 404
