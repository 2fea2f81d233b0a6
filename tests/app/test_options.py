"""An option is one field of the request and one text in each language: it is then wherever something is asked for."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.entrypoint import with_options
from tests.app.conftest import cut_voice
from tests.app.server import ENDED, Server
from tests.toy_engine import ROOT, copy_project

PHOTO = ROOT / "assets/photos/grace_hopper.jpg"
START = "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.executable, [sys.executable, '-m', 'app'])"
FIELD = """    vocals: Annotated[
        Literal["auto", "on", "off"], Option("Whether mouths follow the singing voice alone.")
    ] = "auto"
"""
LABELS = {"en": "Singing voice", "de": "Gesang"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with another option."""
    tree = copy_project(tmp_path_factory.mktemp("tree"))
    add(
        tree / "pipeline/request.py",
        '    prompt: Annotated[str, Option("What the scene is like.", max_length=2_000)]',
        FIELD,
    )
    for language, label in LABELS.items():
        add(tree / f"app/ui/texts/{language}.py", '    "advanced.heading":', f'    "option.vocals": "{label}",\n')
    return tree


@pytest.fixture(scope="module")
def server(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("options") / "data", (sys.executable, "-c", START, str(tree))) as server:
        yield server


def add(path: Path, before: str, lines: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1, f"{path} looks different"
    path.write_text(text.replace(before, lines + before))


def run(tree: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def as_json(**fields: object) -> dict[str, Any]:
    files = {"image_b64": PHOTO.read_bytes(), "audio_b64": cut_voice(1.2)}
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    return {"json": {**encoded, **fields}}


def as_form(**fields: object) -> dict[str, Any]:
    return {"files": {"image": PHOTO.read_bytes(), "audio": cut_voice(1.2)}, "data": fields}


@pytest.mark.parametrize("spell", [as_json, as_form])
def test_requests_take_it_and_the_record_keeps_it(server: Server, spell: Callable[..., dict[str, Any]]) -> None:
    job = server.client.post("/jobs", **spell(vocals="on")).raise_for_status().json()
    assert job["request"]["vocals"] == "on"
    assert server.wait_for(job["job_id"])["status"] in ENDED
    record = json.loads((server.data_dir / "jobs" / job["job_id"] / "job.json").read_text())
    assert (record["status"], record["request"]["vocals"]) == ("done", "on")
    refused = server.client.post("/jobs", **spell(vocals="loud"))
    assert (refused.status_code, refused.json()["field"]) == (400, "vocals")


def test_the_schema_describes_it(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    for name, default in (("VideoForm", None), ("VideoBody", None), ("VideoRequest", "auto")):
        field = schema["components"]["schemas"][name]["properties"]["vocals"]
        assert (field["enum"], field.get("default")) == (["auto", "on", "off"], default)
        told = "Whether mouths follow the singing voice alone."
        assert field["description"] == (told if default else f"{told} Default: `auto`.")


@pytest.mark.parametrize(("path", "language"), [("/", "en"), ("/de/", "de")])
def test_the_page_shows_it(server: Server, path: str, language: str) -> None:
    config = server.client.get(f"{path}config").raise_for_status().json()
    widgets = [part["props"] for part in config["components"] if part["props"].get("label") == LABELS[language]]
    assert [widget["elem_id"] for widget in widgets] == ["vocals"]


def test_gradio_client_takes_it(server: Server) -> None:
    endpoints = server.client.get("/gradio_api/info").raise_for_status().json()["named_endpoints"]
    for name in ("/submit", "/generate"):
        parameters = {one["parameter_name"]: one for one in endpoints[name]["parameters"]}
        assert (parameters["vocals"]["parameter_default"], parameters["vocals"]["type"]["enum"]) == (
            "auto",
            ["auto", "on", "off"],
        )


@pytest.mark.parametrize(
    ("given", "profile"),
    [
        ({}, "fast"),
        ({"model": "longcat"}, "longcat"),
        ({"model": "longcat", "profile": "longcat_quality"}, "longcat_quality"),
    ],
)
def test_a_model_alone_takes_its_usual_profile(given: dict[str, str], profile: str) -> None:
    asked: list[str] = []
    with_options(lambda *, request: asked.append(request["profile"]))(**given)
    assert asked == [profile]


def test_the_commands_take_it(tree: Path) -> None:
    assert "--vocals {auto,on,off}" in run(tree, "-m", "pipeline", "--help")
    program = (
        "import inspect; from app.entrypoint import with_options\n"
        "main = with_options(lambda *, request: print(request['vocals']))\n"
        "print(inspect.signature(main).parameters['vocals']); main(vocals='off')"
    )
    printed = run(tree, "-S", "-c", program)
    assert printed == "vocals: Literal['auto', 'on', 'off'] = 'auto'\noff\n"
