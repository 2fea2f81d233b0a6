"""What a person sees on the command line of a deployment."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.deployment import Deployment
from app.terminal import check_pair, follow, keep, read_file, require_lock, tell_spending

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
        ("preview", "preview", "The profile preview needs no cloud: video-lab"),
        ("fast", "longcat", "The profile fast belongs to the model infinitetalk, not to longcat"),
    ],
)
def test_says_which_profile_cannot_be_made(profile: str, model: str, message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        check_pair(profile, model)


def test_says_what_a_run_cost_that_failed() -> None:
    end = {"status": "failed", "error": {"code": "remote.lost", "about": "request"}, "cost": RESULT["cost"]}
    with pytest.raises(SystemExit, match=r"(?s)The GPU could not be started.*40\.0 s on H100, \$0\.0439"):
        follow(Run(0, end), lambda: None)


@pytest.mark.parametrize(
    ("settings", "password"),
    [(Deployment(), "correct horse"), (Deployment(proxy_auth=True), ""), (Deployment(open=True), "")],
)
def test_deploys_what_is_locked_or_meant_to_be_open(settings: Deployment, password: str) -> None:
    require_lock(settings, password, None)


@pytest.mark.parametrize("answer", ["", "n", "no", "what?"])
def test_deploys_nothing_open_that_is_not_agreed_to(answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="VIDEO_LAB_PASSWORD"):
        require_lock(Deployment(), "", lambda _: answer)
    assert "WARNING: without a password, anybody" in capsys.readouterr().out


def test_deploys_open_what_is_agreed_to(capsys: pytest.CaptureFixture[str]) -> None:
    require_lock(Deployment(dollars_per_day=0), "", lambda _: " Yes ")
    assert "as much as Modal bills" in capsys.readouterr().out


def test_deploys_nothing_open_where_nobody_can_be_asked() -> None:
    with pytest.raises(SystemExit, match="VIDEO_LAB_MODAL_OPEN=1"):
        require_lock(Deployment(), "", None)


@pytest.mark.parametrize(("gpu", "num_hints"), [("A100-80GB,H100", 7), ("H100", 0)])
def test_names_the_gpus_that_would_be_quicker_and_cheaper(
    gpu: str, num_hints: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_spending(Deployment(gpu=gpu, profile_gpus={"fast": "H100"}))
    printed = capsys.readouterr().out
    assert printed.startswith("Spending limit of the web app (VIDEO_LAB_MODAL_DOLLARS_PER_DAY): $20 in 24 hours\n")
    assert printed.count("=H100") == num_hints
