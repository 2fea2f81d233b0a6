"""What a person sees on the command line of a deployment."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.terminal import check_pair, follow, keep, read_file

RESULT = {"num_frames": 30, "cost": {"gpu": "H100", "seconds": 40.0, "dollars": 0.0439}}


@dataclass
class Run:
    """Is over after some looks."""

    looks: int
    end: dict = field(default_factory=lambda: {"status": "done", "result": RESULT})

    def get(self, timeout: float) -> tuple[str, bytes]:  # noqa: ARG002 - the protocol's argument
        self.looks -= 1
        if self.looks >= 0:
            raise TimeoutError
        return json.dumps(self.end), b"mp4"


def note(stage: str, percent: float) -> str:
    return json.dumps({"progress": {"stage": stage, "percent": percent}})


def test_shows_each_progress_once(capsys: pytest.CaptureFixture[str]) -> None:
    notes = iter([None, None, note("denoising", 10.0), note("denoising", 10.0), note("frames", 95.0)])
    assert follow(Run(looks=5), lambda: next(notes)) == (RESULT, b"mp4")
    assert capsys.readouterr().out == "waiting for a GPU\n 10 %  denoising\n 95 %  frames\n"


def test_ends_with_the_reason_of_a_failed_run() -> None:
    error = {"code": "job.out_of_memory", "about": "request", "values": {}}
    with pytest.raises(SystemExit, match="There was not enough memory"):
        follow(Run(looks=0, end={"status": "failed", "error": error}), lambda: None)


def test_writes_the_video_and_says_what_it_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(RESULT, b"mp4", str(tmp_path / "out.mp4"))
    assert (tmp_path / "out.mp4").read_bytes() == b"mp4"
    assert capsys.readouterr().out.endswith("out.mp4: 30 frames; 40.0 s on H100, $0.0439\n")


def test_says_which_file_is_missing() -> None:
    with pytest.raises(SystemExit, match=r"--image is missing\. Give --image FILE, or --download-weights"):
        read_file("", "--image")


def test_says_which_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"--audio .* cannot be read: No such file or directory"):
        read_file(str(tmp_path / "voice.wav"), "--audio")


@pytest.mark.parametrize(
    ("profile", "model", "message"),
    [
        ("best", "infinitetalk", "There is no profile best"),
        ("preview", "preview", "A preview needs no cloud: python -m pipeline"),
        ("fast", "longcat", "The profile fast belongs to the model infinitetalk, not to longcat"),
    ],
)
def test_says_which_profile_cannot_be_made(profile: str, model: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        check_pair(profile, model)
