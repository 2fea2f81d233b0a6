"""A real photo and a real voice become a video, through the command and through the server, with the tiny model."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from tests.app.conftest import cut_voice
from tests.app.server import Server

PHOTO = Path("assets/photos/grace_hopper.jpg")
WEIGHTS_SETTINGS = {"device": "cpu", "page": "off"}


@pytest.fixture(scope="module")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server") / "data"
    with Server(folder, weights_dir=prepared, **WEIGHTS_SETTINGS) as server:
        yield server


def describe(path: Path) -> tuple[int, tuple[int, int], float]:
    """Return how many frames a video has, their size, and the seconds of its sound."""
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        num_frames = sum(1 for _ in container.decode(video))
        container.seek(0)
        num_samples = sum(frame.samples for frame in container.decode(audio))
        return num_frames, (video.width, video.height), num_samples / audio.rate


def test_a_job_of_the_profile_fast_becomes_an_mp4(server: Server, tmp_path: Path) -> None:
    job = server.submit(PHOTO.read_bytes(), cut_voice(1.1), profile="fast", aspect="1:1", seed=11)
    job = server.wait_for(job["job_id"], timeout_seconds=280)
    assert job["status"] == "done", job
    video = tmp_path / "video.mp4"
    video.write_bytes(server.client.get(f"/jobs/{job['job_id']}/video").content)
    num_frames, size, sound_seconds = describe(video)
    assert (num_frames, size) == (27, (640, 640))
    assert sound_seconds == pytest.approx(1.1, abs=0.05)


def test_a_voice_below_a_second_is_refused(server: Server) -> None:
    files = {"image": ("me.jpg", PHOTO.read_bytes()), "audio": ("me.wav", cut_voice(0.9))}
    answer = server.client.post("/jobs", files=files, data={"profile": "fast"})
    assert answer.status_code in {400, 422}
    assert "audio" in answer.text


def test_the_command_makes_as_much_as_it_may(prepared: Path, tmp_path: Path) -> None:
    voice, video = tmp_path / "voice.wav", tmp_path / "video.mp4"
    voice.write_bytes(cut_voice(1.2))
    options = ["--profile", "low_vram", "--weights", prepared, "--device", "cpu", "--seconds", "1.05", "--seed", "5"]
    command = [sys.executable, "-m", "pipeline", PHOTO, voice, "-o", video, *options]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    assert describe(video)[0] == 26


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--precision", "int8", "--attention", "native"], ""),
        (["--attention", "_no_such"], "Expected an attention that runs on cpu, got '_no_such'"),
    ],
)
def test_the_command_computes_as_it_is_told(prepared: Path, tmp_path: Path, options: list[str], said: str) -> None:
    voice, video = tmp_path / "voice.wav", tmp_path / "video.mp4"
    voice.write_bytes(cut_voice(1.2))
    engine = ["--profile", "fast", "--weights", str(prepared), "--device", "cpu", *options]
    command = [sys.executable, "-m", "pipeline", str(PHOTO), str(voice), "-o", str(video), *engine]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert video.exists() == (not said), done.stderr
    assert said in done.stderr
