"""An engine that is put into the table is everywhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.engines import ENGINES, PROFILES, describe_profiles
from tests.app.server import ENDED, Server
from tests.toy_engine import ROOT, copy_with_toys

START = "import os, sys; os.chdir(sys.argv[1]); os.execv(sys.executable, [sys.executable, '-m', 'app'])"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_with_toys(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def toy_server(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("toys") / "data", (sys.executable, "-c", START, str(tree))) as server:
        yield server


def run(tree: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=tree, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_every_profile_belongs_to_the_engine_that_it_stands_with() -> None:
    assert [profile.model for spec in ENGINES for profile in spec.profiles] == [
        spec.name for spec in ENGINES for _ in spec.profiles
    ]
    assert len(PROFILES) == sum(len(spec.profiles) for spec in ENGINES)


def test_the_readme_has_the_table_of_profiles() -> None:
    assert "\n\n" + "\n".join(describe_profiles()) + "\n\n" in (ROOT / "README.md").read_text()


def test_the_table_of_profiles_has_a_new_one(tree: Path) -> None:
    printed = run(tree, "-m", "pipeline.engines")
    assert "| `toy` | A grey rectangle. | Toy | 480p | none | any CPU |\n" in printed
    assert "| `big_toy` | A grey rectangle. | Big Toy | 480p | none | GPU |\n" in printed


def test_the_command_offers_it(tree: Path) -> None:
    assert re.search(r"toy +A grey rectangle\.", run(tree, "-m", "pipeline", "--help"))


def test_the_deployment_has_settings_for_it_without_any_package(tree: Path) -> None:
    program = (
        "from app.deployment import read_deployment as read; P = 'VIDEO_LAB_MODAL_'\n"
        "settings = read({P + 'GPU_BIG_TOY': 'H100'})\n"
        "print(settings.find_gpus('big_toy'), settings.time_limits['big_toy'], 'toy' in settings.time_limits)\n"
        "print(read({P + 'BIG_TOY_MINUTES': '9'}).time_limits['big_toy'])"
    )
    assert run(tree, "-S", "-c", program) == "['H100'] 420.0 False\n540.0\n"


def test_the_api_tells_of_it(toy_server: Server) -> None:
    profiles = {one["name"]: one for one in toy_server.client.get("/profiles").json()}
    told = [profiles["toy"][key] for key in ("title", "model", "available", "options")]
    assert told == ["Toy video", "toy", True, {"brightness": 77}]
    assert profiles["big_toy"]["reason"].startswith("It needs a toy GPU. There are two ways")
    health = toy_server.client.get("/health").json()
    assert "toy" in health["models"]
    assert health["engines"]["bigtoy"]["profiles"] == []


@pytest.mark.parametrize(("profile", "gpu"), [("toy", None), ("big_toy", "A100-80GB")])
def test_the_api_estimates_it(toy_server: Server, profile: str, gpu: str | None) -> None:
    answer = toy_server.client.post("/estimate", json={"profile": profile, "audio_duration": 10}).json()
    assert (answer["seconds"], answer["gpu"], answer["cost_usd"] > 0) == (30.0, gpu, gpu is not None)


def test_the_page_and_gradio_s_clients_offer_it(toy_server: Server) -> None:
    components = toy_server.client.get("/config").json()["components"]
    choices = [one["props"]["choices"] for one in components if one["type"] == "dropdown"]
    assert ["toy", "toy"] in [choice for found in choices for choice in found]  # of gradio_client
    assert "Toy video" in [label for found in choices for label, _ in found]


def test_a_video_is_made_with_it(toy_server: Server) -> None:
    photo, voice = ROOT / "assets/photos/grace_hopper.jpg", ROOT / "assets/voices/joe.wav"
    with photo.open("rb") as image, voice.open("rb") as audio:
        answer = toy_server.client.post(
            "/jobs", files={"image": image, "audio": audio}, data={"profile": "toy", "max_duration_sec": 1.2}
        )
    path = answer.json()["links"]["job"]
    with toy_server.client.stream("GET", f"{path}/events") as events:
        events.read()
    job = toy_server.client.get(path).json()
    assert job["status"] in ENDED
    assert (job["status"], job["metadata"]["model"], job["metadata"]["frame_num"]) == ("done", "toy", 30)
