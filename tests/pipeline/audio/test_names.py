"""Were a playlist taken for a recording, nothing that it names would be opened all the same."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from av.container import InputContainer

from pipeline.audio import load_speech
from pipeline.errors import InputError
from tests.voices import Kind, make_tone, write_voice

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\nfile:{folder}/canary.ts\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile canary.ts\n"


@pytest.fixture(params=[("hls", HLS), ("concat", CONCAT)], ids=["hls", "concat"])
def open_playlist(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., InputContainer]:
    """Open, as `av.open` would, a playlist that names another file in the working folder."""
    demuxer, text = request.param
    monkeypatch.chdir(tmp_path)
    write_voice(tmp_path / "canary.ts", make_tone(2.0), Kind("ts", "mpegts", "aac"))
    really_open = av.open

    def open_playlist(*_: object, **settings: Any) -> InputContainer:  # noqa: ANN401 - whatever `av.open` takes
        playlist = io.BytesIO(text.format(folder=tmp_path).encode())
        return really_open(playlist, **settings | {"format": demuxer})

    return open_playlist


def test_a_playlist_opens_nothing(
    open_playlist: Callable[..., InputContainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_playlist() as unprotected:
        assert next(unprotected.decode(audio=0)).samples, "it does name the canary"
    voice = write_voice(tmp_path / "voice.wav", make_tone(2.0))
    monkeypatch.setattr("av.open", open_playlist)
    with pytest.raises(InputError) as caught:
        load_speech(voice)
    assert caught.value.notice.code == "audio.unreadable"


def test_every_way_to_another_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = write_voice(tmp_path / "voice.wav", make_tone(2.0))
    asked: list[dict[str, Any]] = []
    really_open = av.open
    monkeypatch.setattr("av.open", lambda *file, **settings: asked.append(settings) or really_open(*file, **settings))
    load_speech(voice)
    assert asked
    for settings in asked:
        assert settings["format"] == "wav", "FFmpeg is not asked what it is"
        assert settings["container_options"]["protocol_whitelist"] == ""
        with pytest.raises(PermissionError):
            settings["io_open"]("file:/etc/passwd", 1, {})
