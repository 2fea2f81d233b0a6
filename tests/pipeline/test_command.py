"""`python -m pipeline` as a person runs it."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from pipeline.__main__ import main
from tests.dialogues import A_MISSING_FILE, BAD, A, B, Bad, dump
from tests.photos import encode, open_pair, save
from tests.pipeline.test_generate import PHOTO
from tests.voices import SPEAKER, WAV, make_tone, write_voice

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of two people, beside a short voice."""
    folder = tmp_path_factory.mktemp("pair")
    write_voice(folder / "voice.wav", make_tone(1.2, 22_050), WAV)
    return save(folder, encode(open_pair(), "PNG"))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command in this process; returns its exit code and what it wrote of errors."""

    def call(*arguments: str | Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["pipeline", *map(str, arguments)])
        try:
            code = main()
        except SystemExit as exit_:  # the parser's way out
            code = int(exit_.code or 0)
        return code, capsys.readouterr().err

    return call


def test_names_a_folder_that_cannot_be_the_video(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "out.mp4"
    folder.mkdir()
    assert "is a folder" in call(PHOTO, SPEAKER, "-o", folder)[1]


def test_deletes_half_a_video_when_it_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipeline", PHOTO, SPEAKER, "-o", tmp_path / "out.mp4"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any("Drawing" in line for line in process.stderr)
        process.terminate()
        assert "Interrupted" in process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


def test_leaves_the_signals_of_its_caller_alone(call: Call, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    call(PHOTO, PHOTO, "-o", tmp_path / "out.mp4")
    assert signal.getsignal(signal.SIGTERM) == before


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
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--dmd-scale", "nan"), 2, "a number from 0 to 2"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--model", "longcat"), 3, "docs/model.md"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--model", "longcat", "--profile", "fast"), 2, "fast"),
        ((PHOTO, PHOTO, "-o", "out.mp4"), 2, "no recording"),
        (("missing.jpg", SPEAKER, "-o", "out.mp4"), 2, "no file missing.jpg"),
        ((PHOTO, "missing.wav", "-o", "out.mp4"), 2, "no file missing.wav"),
        ((PHOTO, SPEAKER, "-o", "out.mp4", "--profile", "balanced"), 3, "docs/model.md"),
    ],
)
def test_says_what_is_wrong(call: Call, arguments: tuple[str | Path, ...], exit_code: int, sentence: str) -> None:
    code, printed = call(*arguments)
    assert code == exit_code, printed
    assert sentence in printed
    assert len(printed.splitlines()[-1]) > 10
    assert "Traceback" not in printed
    assert not Path("out.mp4").exists()


@pytest.mark.parametrize("bad", [*BAD.values(), A_MISSING_FILE], ids=[*BAD, "a missing file"])
def test_says_what_several_speakers_cannot_do(call: Call, bad: Bad, pair: Path) -> None:
    voice = pair.with_name("voice.wav")
    names = {A: str(SPEAKER), B: str(voice), "missing": "missing.wav"}
    options = [f"--{name}={value}" for name, value in bad.options.items()]
    options += [f"--speakers={dump(bad.spell_speakers('audio', names))}"] if bad.speakers else []
    options += [] if bad.turns is None else [f"--turns={dump(bad.turns)}"]
    recording = [voice] if bad.has_recording else []
    code, printed = call(pair, *recording, "-o", "out.mp4", *options)
    assert code == 2, printed
    assert bad.sentence in printed.splitlines()[-1]
