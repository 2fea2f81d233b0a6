"""`python -m pipeline` as a person runs it."""

import subprocess
import sys
from pathlib import Path

import av
import pytest

from tests.pipeline.test_generate import PHOTO
from tests.voices import SPEAKER


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_makes_a_video(tmp_path: Path) -> None:
    video = tmp_path / "out.mp4"
    done = run(PHOTO, SPEAKER, "-o", video, "--seconds", "1.5", "--start", "2", "--seed", "5", "--aspect", "16:9")
    assert done.returncode == 0, done.stderr
    assert f"{video}: 1.5 seconds at 832 x 480, made in" in done.stdout
    assert "(seed 5)" in done.stdout
    assert "Drawing the frames" in done.stderr
    with av.open(video) as container:
        assert container.streams.video[0].frames == 37


@pytest.mark.parametrize(
    ("arguments", "exit_code", "sentence"),
    [
        ((PHOTO, SPEAKER), 2, "-o/--output"),
        ((PHOTO, SPEAKER, "-o", "out.avi"), 2, "ends in .mp4"),
        ((PHOTO, SPEAKER, "-o", "no/such/folder/out.mp4"), 2, "does not exist"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--profile", "best"), 2, "invalid choice"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--start", "soon"), 2, "invalid float"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--start", "99"), 2, "beyond the end"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--seed", "-1"), 2, "seed must be from 0"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--precision", "fp4"), 2, "invalid choice"),
        ((PHOTO, PHOTO, "-o", "out.mp4"), 2, "no recording"),
        (("missing.jpg", SPEAKER, "-o", "out.mp4"), 2, "no file missing.jpg"),
        ((PHOTO, "missing.wav", "-o", "out.mp4"), 2, "no file missing.wav"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--profile", "balanced"), 3, "needs"),
    ],
)
def test_says_what_is_wrong(arguments: tuple[str | Path, ...], exit_code: int, sentence: str) -> None:
    failed = run(*arguments)
    assert failed.returncode == exit_code, failed.stderr
    assert sentence in failed.stderr
    assert len(failed.stderr.splitlines()[-1]) > 10
    assert "Traceback" not in failed.stderr
    assert not Path("out.mp4").exists()
