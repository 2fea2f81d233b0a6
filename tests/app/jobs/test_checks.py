"""What is taken into a job's folder."""

import os
from pathlib import Path

import pytest

from app.jobs.checks import _copy
from pipeline.errors import InputError, InputTooLargeError


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "folder", "missing", "link"])
def test_takes_files_alone(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(InputError) as caught:
        _copy(tmp_path / name, tmp_path / "copy", "image", 1_000_000)
    assert (caught.value.notice.code, caught.value.notice.about) == ("request.file_gone", "image")
    assert not (tmp_path / "copy").exists()


def test_takes_as_many_bytes_as_are_allowed(tmp_path: Path) -> None:
    source, copy = tmp_path / "voice", tmp_path / "copy"
    source.write_bytes(b"12345")
    _copy(source, copy, "audio", 5)
    assert copy.read_bytes() == b"12345"
    with pytest.raises(InputTooLargeError):
        _copy(source, copy, "audio", 4)
