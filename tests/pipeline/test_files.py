"""Only files are opened: a device has no end, and a pipe none who writes."""

import os
from pathlib import Path

import pytest

from pipeline.audio import load_speech
from pipeline.errors import InputError
from pipeline.files import open_regular
from pipeline.image.load import load_photo

NO_FILES = ("/dev/zero", "/dev/null", "pipe", "folder", "missing", "linked device")


@pytest.fixture(params=NO_FILES)
def no_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked device").symlink_to("/dev/zero")
    return tmp_path / request.param


@pytest.mark.timeout(20)
def test_opens_no_device_and_no_pipe(no_file: Path) -> None:
    with pytest.raises(OSError, match=no_file.name):
        open_regular(no_file)
    with pytest.raises(InputError) as photo:
        load_photo(no_file)
    with pytest.raises(InputError) as voice:
        load_speech(no_file)
    codes = (photo.value.notice.code, voice.value.notice.code)
    assert codes == ("photo.cannot_open", "audio.cannot_open")


def test_follows_a_link_only_where_it_may(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(__file__)
    with open_regular(link) as file:
        assert file.read(3) == b'"""'
    with pytest.raises(OSError, match="link"):
        open_regular(link, follow=False)
