"""`python -m app.batch`: a sheet becomes videos, whatever happens in between."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.batch import SheetError, read_sheet
from tests.app.conftest import Starter, cut_voice
from tests.app.server import Server

SHEET = "image;audio;reference;max_duration_sec;profile\n" + "".join(
    f"me.jpg;{voice};Lektion {number} / ä;1,{number};balanced\n"
    for number, voice in enumerate(["a.wav", "b.wav", "a.wav", "b.wav", "a.wav"])
)


def start(server: Server, folder: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "app.batch", str(folder / "sheet.csv"), "--url", str(server.client.base_url)]
    command += ["--out", str(folder / "out"), "--jobs-at-once", "2", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_sheet_goes_on_where_it_was_interrupted(start_server: Starter, photo: bytes, tmp_path: Path) -> None:
    server = start_server(command=(sys.executable, "-m", "tests.app.quick_server", str(tmp_path / "runs")))
    (tmp_path / "sheet.csv").write_text(SHEET, encoding="utf-8-sig")
    for name, content in {"me.jpg": photo, "a.wav": cut_voice(2), "b.wav": cut_voice(2.5)}.items():
        (tmp_path / name).write_bytes(content)
    told, _ = start(server, tmp_path, "--dry-run").communicate(timeout=120)
    assert "5 videos: about" in told
    assert "$" in told
    assert server.find_jobs() == set()
    first = start(server, tmp_path)
    ends_at = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*.mp4")):
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    first.kill()
    first.communicate()
    again = start(server, tmp_path)
    told, errors = again.communicate(timeout=120)
    assert (again.returncode, errors) == (0, ""), told + errors
    assert "5 of 5 videos are done, 0 failed." in told
    videos = sorted((tmp_path / "out").glob("*.mp4"))
    assert videos[0].name == "0002-Lektion 0 _ ä.mp4"
    assert [video.read_bytes() for video in videos] == [cut_voice(2), cut_voice(2.5)] * 2 + [cut_voice(2)]
    assert list((server.data_dir / "shelf").iterdir()) == []
    runs = (tmp_path / "runs").read_text().split()
    assert len(runs) == len(set(runs)) <= 6  # what was just being answered when the client was killed, it asks again
    (tmp_path / "sheet.csv").write_text(SHEET.replace("balanced", "nothing", 1), encoding="utf-8-sig")
    refused = start(server, tmp_path)
    told, _ = refused.communicate(timeout=120)
    assert refused.returncode == 1
    assert "4 of 5 videos are done, 1 failed." in told
    assert "nothing" in told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("image,audio\nme.jpg,a.wav\n".encode("utf-16"), "not in UTF-8"),
        (b"image,audio\nme.jpg,gone.wav\n", "line 2: audio: there is no file"),
        (b"image,image\nme.jpg,me.jpg\n", "name the columns"),
        (b"photo,audio\nme.jpg,me.jpg\n", "name the columns"),
        (b"image,audio\n", "has no rows"),
        (b"image,audio\nme.jpg,me.jpg,more\n", "line 2: more cells than columns"),
        (b"image,seed\nme.jpg,seven\n", "line 2: seed: expected a number or a list, got 'seven'"),
        (b"image,consent\nme.jpg,perhaps\n", "consent: expected yes or no"),
        (b'image,prompt\nme.jpg,"open\n', "unexpected end of data"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_told_by_its_line(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(b"x")
    (tmp_path / "sheet.csv").write_bytes(content)
    with pytest.raises(SheetError, match=sentence):
        read_sheet(tmp_path / "sheet.csv")


def test_cells_are_read_as_spreadsheets_write_them(tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(b"x")
    head = "\ufeffimage\tseed\tstart_sec\tconsent\treference\tspeakers\r\n"
    text = head + 'me.jpg\t7\t1,5\tyes\t007\t"[{""face"": 0}]"\r\n\t\t\t\t\t\r\n'
    (tmp_path / "sheet.csv").write_text(text, newline="")
    (row,) = read_sheet(tmp_path / "sheet.csv")
    assert row.fields == {
        "seed": 7,
        "start_sec": 1.5,
        "consent": True,
        "reference": "007",
        "speakers": [{"face": 0}],
    }
