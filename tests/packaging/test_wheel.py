"""The project as a package, away from its checkout."""

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import av
import pytest

from pipeline.version import VERSION
from tests.voices import SPEAKER

ROOT = Path(__file__).parents[2]
ASSETS = ("assets/models/face_landmarks_detector.tflite", "app/ui/assets/page.css", "app/ui/assets/page.js")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder with the packages, as in site-packages."""
    folder = wheel.parent / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_brings_its_command_and_its_metadata(installed: Path) -> None:
    info = installed / f"video_lab-{VERSION}.dist-info"
    metadata = Parser().parsestr((info / "METADATA").read_text())
    assert (metadata["Version"], metadata["License-Expression"]) == (VERSION, "Apache-2.0")
    assert set(metadata["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    assert "video-lab = pipeline.__main__:run_alone" in (info / "entry_points.txt").read_text()
    assert (info / "licenses/LICENSE").is_file()


def test_brings_what_the_app_reads_and_nothing_of_the_tests(installed: Path) -> None:
    assert [name for name in ASSETS if not (installed / name).is_file()] == []
    parts = {path.name for path in installed.iterdir()}
    assert parts == {"app", "assets", "pipeline", f"video_lab-{VERSION}.dist-info"}


def test_makes_a_preview(installed: Path, tmp_path: Path) -> None:
    photo = installed / "assets/photos/grace_hopper.jpg"
    script = f"import sys; sys.path[0] = {str(installed)!r}; from pipeline.__main__ import run_alone; run_alone()"
    command = [sys.executable, "-c", script, photo, SPEAKER, "-o", tmp_path / "out.mp4", "--seconds", "1"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=100)
    with av.open(tmp_path / "out.mp4") as video:
        assert video.metadata["description"] == f"Video Lab {VERSION}"


def test_finds_the_page_s_examples(installed: Path, tmp_path: Path) -> None:
    script = f"import sys; sys.path[0] = {str(installed)!r}; from app.ui.examples import ASSETS; print(ASSETS)"
    found = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert Path(found.stdout.strip()) == installed / "assets"
