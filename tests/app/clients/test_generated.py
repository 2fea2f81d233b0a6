"""A client that a generator made from the description makes a video."""

import compileall
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.app.server import Server

NAME = "generated_client"
CONFIG = Path(__file__).with_name("openapi_python_client.yaml")


@pytest.fixture(scope="module")
def folder(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the client is that openapi-python-client makes of the running server's description."""
    folder = tmp_path_factory.mktemp("client")
    description = folder / "openapi.json"
    description.write_bytes(server.client.get("/openapi.json").content)
    made = ["--path", str(description), "--output-path", str(folder / NAME), "--meta", "none", "--config", str(CONFIG)]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *made, "--fail-on-warning"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


@pytest.fixture(scope="module")
def client(folder: Path, server: Server) -> Iterator[object]:
    sys.path.insert(0, str(folder))
    address = str(server.client.base_url)
    with load("client").Client(base_url=address, timeout=60, raise_on_unexpected_status=True) as client:
        yield client
    sys.path.remove(str(folder))


def load(name: str) -> ModuleType:
    return importlib.import_module(f"{NAME}.{name}")


def test_every_module_is_imported(folder: Path, client: object) -> None:
    assert compileall.compile_dir(folder, quiet=1)
    paths = [path.relative_to(folder).with_suffix("") for path in (folder / NAME / "api").rglob("*.py")]
    assert len(paths) > 15
    for path in paths:
        importlib.import_module(".".join(path.parts))


def test_makes_a_video_of_a_form(client: object, photo: bytes, voice: bytes) -> None:
    models, types = load("models"), load("types")
    form = models.VideoForm(
        image=types.File(photo, "me.jpg"),
        audio=types.File(voice, "me.wav"),
        seed=7,
        crop=models.Crop(zoom=1.2),
        speakers=json.dumps([{"face": 0}]),
        turns=json.dumps([{"speaker": 0, "start_sec": 0, "end_sec": 1}]),
    )
    job = load("api.jobs.create_job").sync(client=client, body=form, prefer="wait=60")
    assert (job.status.value, job.request.crop.zoom, job.metadata.seed) == ("done", 1.2, 7)
    assert load("api.jobs.get_job").sync(job.job_id, client=client) == job
    assert load("api.jobs.get_video").sync(job.job_id, client=client).payload.read()[4:8] == b"ftyp"


def test_answers_and_errors_are_typed(client: object, photo: bytes) -> None:
    models, types = load("models"), load("types")
    form = models.FaceCropForm(image=types.File(photo, "me.jpg"))
    assert load("api.photos.crop_face").sync(client=client, body=form).faces[0].index == 0
    missing = load("api.jobs.get_job").sync("nothing", client=client)
    assert (type(missing), missing.status) == (models.Problem, 404)
    estimate = load("api.profiles.estimate_video").sync(client=client, body=models.EstimateBody(audio_duration=5))
    assert estimate.available
