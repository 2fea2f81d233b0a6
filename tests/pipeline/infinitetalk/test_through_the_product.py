"""A real photo and a real voice become a video, through the command and through the server, with the tiny models."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import pytest

from pipeline.__main__ import NOT_AVAILABLE, main
from pipeline.longcat.checkpoint import LAYOUT
from pipeline.weights.prepare import prepare
from tests.app.conftest import cut_voice
from tests.app.server import Server
from tests.pipeline.preview.people import line_up
from tests.tiny_longcat import write_tiny_longcat

PHOTO = Path("assets/photos/grace_hopper.jpg")
WEIGHTS_SETTINGS = {"device": "cpu", "page": "off"}


@pytest.fixture(scope="module")
def weights(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of both models, each named after its own."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "infinitetalk").symlink_to(prepared)
    prepare(write_tiny_longcat(tmp_path_factory.mktemp("released")), folder / "longcat", LAYOUT)
    return folder


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server") / "data"
    with Server(folder, weights_dir=weights, **WEIGHTS_SETTINGS) as server:
        yield server


def describe(path: Path) -> tuple[int, tuple[int, int], float]:
    """Return how many frames a video has, their size, and the seconds of its sound."""
    with av.open(path) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        num_frames = sum(1 for _ in container.decode(video))
        container.seek(0)
        num_samples = sum(frame.samples for frame in container.decode(audio))
        return num_frames, (video.width, video.height), num_samples / audio.rate


# Two jobs of one model in a row: for another model, the worker is started anew.
def test_a_dialogue_becomes_an_mp4(server: Server, tmp_path: Path) -> None:
    picture = cv2.imencode(".png", line_up(PHOTO, Path("assets/photos/mona_lisa.jpg"))[:, :, ::-1])[1].tobytes()
    voice = cut_voice(1.1)
    speakers = json.dumps([{"face": 0, "audio": "a"}, {"face": 1, "audio": "b"}])
    data = {"profile": "fast", "seed": "11", "num_inference_steps": "1", "speakers": speakers}
    answer = server.client.post("/jobs", files={"image": picture, "a": voice, "b": voice}, data=data)
    job = server.wait_for(answer.json()["job_id"], timeout_seconds=280)
    assert [speaker["face"] for speaker in job["metadata"]["speakers"]] == [0, 1]
    video = tmp_path / "video.mp4"
    video.write_bytes(server.client.get(f"/jobs/{job['job_id']}/video").content)
    num_frames, size, sound_seconds = describe(video)
    assert (num_frames, size) == (27, (896, 448))
    assert sound_seconds == pytest.approx(1.1, abs=0.05)


@pytest.mark.parametrize(
    ("model", "asked"), [("infinitetalk", {"profile": "fast", "num_inference_steps": 2}), ("longcat", {})]
)
def test_a_job_becomes_an_mp4(server: Server, tmp_path: Path, model: str, asked: dict[str, object]) -> None:
    job = server.submit(PHOTO.read_bytes(), cut_voice(1.1), model=model, aspect="1:1", seed=11, **asked)
    job = server.wait_for(job["job_id"], timeout_seconds=280)
    assert (job["status"], job["model"]) == ("done", model), job
    video = tmp_path / "video.mp4"
    video.write_bytes(server.client.get(f"/jobs/{job['job_id']}/video").content)
    num_frames, size, sound_seconds = describe(video)
    assert (num_frames, size) == (27, (640, 640))
    assert sound_seconds == pytest.approx(1.1, abs=0.05)
    assert "INFO worker: Weights: bf16; all on the device." in server.log.read_text()


def test_a_job_is_cancelled_between_two_steps(server: Server) -> None:
    job = server.submit(PHOTO.read_bytes(), cut_voice(1.1), profile="longcat", aspect="1:1", num_inference_steps=100)

    def has_begun() -> bool:
        return (server.show(job["job_id"])["progress"] or {}).get("stage") == "denoising"

    server.wait_until(has_begun, timeout_seconds=120)
    server.client.delete(f"/jobs/{job['job_id']}")
    assert server.wait_for(job["job_id"])["status"] == "cancelled"
    assert server.client.get("/health").json()["models"] == ["preview", "infinitetalk", "longcat"]


def test_a_voice_below_a_second_is_refused(server: Server) -> None:
    files = {"image": ("me.jpg", PHOTO.read_bytes()), "audio": ("me.wav", cut_voice(0.9))}
    answer = server.client.post("/jobs", files=files, data={"profile": "fast"})
    assert answer.status_code in {400, 422}
    assert "audio" in answer.text


def test_the_command_makes_as_much_as_it_may(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice, video = tmp_path / "voice.wav", tmp_path / "video.mp4"
    voice.write_bytes(cut_voice(1.2))
    command = ["pipeline", PHOTO, voice, "-o", video, "--weights", prepared, "--device", "cpu"]
    options = ["--profile", "low_vram", "--seconds", "1.05", "--steps", "2", "--precision", "int8"]
    monkeypatch.setattr(sys, "argv", [*map(str, command), *options])
    assert main() == 0
    assert describe(video)[0] == 26


def test_the_command_says_which_attention_cannot_run(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "video.mp4"
    files = [PHOTO, "assets/voices/joe.wav", "-o", video, "--weights", prepared]
    options = ["--device", "cpu", "--profile", "fast", "--attention", "_no_such"]
    monkeypatch.setattr(sys, "argv", ["pipeline", *map(str, files), *options])
    assert main() == NOT_AVAILABLE
    assert "Expected an attention that runs on cpu, got '_no_such'" in capsys.readouterr().err
    assert not video.exists()
