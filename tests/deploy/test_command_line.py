"""`modal run deploy.py`, where no model is needed to see what it says."""

import json
from pathlib import Path

import pytest

from tests.deploy.conftest import PHOTO, VOICE
from tests.deploy.loopback.plane import Loopback
from tests.fake_hub import FakeHub

FILES = ("--image", str(PHOTO), "--audio", str(VOICE))


def test_says_how_to_replace_a_token_that_is_refused(loopback: Loopback, hub: FakeHub) -> None:
    hub.token = "hf_another"
    printed = loopback.modal("run", "deploy.py", "--download-weights", check=False)
    assert "The hub refused HF_TOKEN (401)" in printed
    assert "modal secret create --force HF_SECRET HF_TOKEN=hf_..." in printed


def test_checks_the_photo_before_a_gpu_is_paid_for(loopback: Loopback, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"no picture")
    printed = loopback.modal("run", "deploy.py", "--image", str(photo), "--audio", str(VOICE), check=False)
    assert "Expected a PNG, JPEG, WebP, HEIC, AVIF, GIF, BMP or TIFF picture" in printed
    assert not any("Generator" in name for name in started(loopback))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--audio", str(VOICE)), "--image is missing."),
        ((*FILES, "--profile", "best"), "There is no profile best."),
        ((*FILES, "--profile", "preview", "--model", "preview"), "The profile preview needs no cloud"),
    ],
)
def test_says_what_is_wrong_with_the_options(loopback: Loopback, options: tuple[str, ...], message: str) -> None:
    assert message in loopback.modal("run", "deploy.py", *options, check=False)


def test_runs_a_benchmark_and_brings_its_figures(loopback: Loopback, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    options = ("--module", "tests.benchmarks.preview", "--options", f"{PHOTO} --voices {VOICE} --seconds 1")
    loopback.modal("run", "-m", "tests.benchmarks.on_modal", *options, "--output", str(figures))
    assert json.loads(figures.read_text())["rows"][0]["processor seconds"] > 0


def test_removes_a_reported_video_from_the_volume(loopback: Loopback, volumes: Path) -> None:
    job = volumes / "data" / "jobs" / ("A" * 22)
    job.mkdir(parents=True)
    for name in ("video.mp4", "reports.json"):
        (job / name).touch()
    assert "The video is deleted." in loopback.modal("run", "deploy.py", "--reports", f"remove {job.name}")
    assert {path.name for path in job.iterdir()} == {"reports.json", "decision.json"}


def started(loopback: Loopback) -> set[str]:
    return {loopback.plane.handles[function_id].function_name for function_id in loopback.plane.num_started}
