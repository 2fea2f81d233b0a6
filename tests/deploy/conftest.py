"""The app, deployed to the stand-in for Modal, with folders in place of volumes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.deploy.loopback.plane import Loopback
from tests.fake_hub import FakeHub, serve_hub

ROOT = Path(__file__).parents[2]
APP = "video-lab"
PHOTO = ROOT / "assets/photos/grace_hopper.jpg"
VOICE = ROOT / "assets/voices/joe.wav"


@dataclass(frozen=True)
class Deployed:
    """A deployed app: the control plane, the web function's address, and the folders that stand for volumes."""

    loopback: Loopback
    http: httpx.Client
    data: Path
    weights: Path

    def submit(self, profile: str, **fields: object) -> str:
        """Submit the example photo and voice; returns the job's id."""
        with PHOTO.open("rb") as photo, VOICE.open("rb") as voice:
            answer = self.http.post(
                "/jobs",
                files={"image": photo, "audio": voice},
                data={"profile": profile, "max_duration_sec": 1.2} | fields,
            )
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"]

    def command(self, *options: str) -> str:
        """Run the command line; returns what it printed."""
        return self.loopback.modal("run", "deploy.py", *options)

    def job(self, job_id: str) -> dict[str, Any]:
        return self.http.get(f"/jobs/{job_id}").json()

    def wait(self, job_id: str, until: Callable[[dict[str, Any]], bool], seconds: float = 90) -> dict[str, Any]:
        """Poll the job until something is true of it; returns the job."""
        end = time.monotonic() + seconds
        while not until(job := self.job(job_id)):
            waiting = time.monotonic() < end and not has_ended(job)
            assert waiting, f"{job}\n{self.loopback.plane.log.read_text()[-3000:]}"
            time.sleep(0.2)
        return job


def wait_until(is_so: Callable[[], bool], seconds: float = 20, pause: float = 0.2) -> None:
    """Return once something is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(pause)


def has_ended(job: dict[str, Any]) -> bool:
    return job["status"] in {"done", "failed", "cancelled"}


@pytest.fixture(scope="module")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("volumes")


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    with serve_hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def loopback(volumes: Path, hub: FakeHub) -> Iterator[Loopback]:
    environment = {
        "HF_ENDPOINT": hub.url,
        "VIDEO_LAB_DEVICE": "cpu",
        "VIDEO_LAB_MODAL_OPEN": "1",
        "VIDEO_LAB_MODAL_DATA_PATH": str(volumes / "data"),
        "VIDEO_LAB_MODAL_WEIGHTS_PATH": str(volumes / "weights"),
        "VIDEO_LAB_MODAL_TRUST_PATH": str(volumes / "trust"),
        "VIDEO_LAB_MODAL_COMPILED_PATH": str(volumes / "compiled"),
    }
    loopback = Loopback(ROOT, environment, volumes / "containers.log")
    loopback.plane.secrets["HF_SECRET"] = {"HF_TOKEN": "hf_test"}
    with loopback.running():
        yield loopback


@pytest.fixture(scope="module")
def deployed(loopback: Loopback, volumes: Path) -> Iterator[Deployed]:
    loopback.modal("deploy", "deploy.py")
    with loopback.serve_web(APP, "web") as url, httpx.Client(base_url=url, timeout=60) as http:
        yield Deployed(loopback, http, volumes / "data", volumes / "weights")
