"""Any recording is decoded, and nothing but the recording."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.audio.decode import Damage, Packing, decode_recording, read_packing
from pipeline.errors import InputError, InputTooLargeError
from tests.voices import KINDS, MICROPHONE, WAV, Kind, make_tone, name_other_file, write_voice


def decode(path: Path) -> np.ndarray:
    return np.concatenate([block.samples for block in decode_recording(path)], axis=1)


def refuse(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        decode(path)
    return caught.value


@pytest.mark.parametrize("name", KINDS)
def test_decodes_every_kind(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    tone = make_tone(1.5, kind.sampling_rate, num_channels=2)
    samples = decode(write_voice(tmp_path / f"voice.{kind.suffix}", tone, kind))
    assert samples.shape[0] == 2
    assert 1.5 <= samples.shape[1] / kind.sampling_rate < 1.56
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.1)


def test_decodes_what_phones_record_of_calls(tmp_path: Path) -> None:
    kind = Kind("amr", "amr", "libopencore_amrnb", 8_000)
    samples = decode(write_voice(tmp_path / "call.amr", make_tone(1.5, kind.sampling_rate), kind))
    assert samples.shape[1] / kind.sampling_rate == pytest.approx(1.5, abs=0.05)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", KINDS)
def test_believes_bytes_not_names(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = write_voice(tmp_path / "voice.txt", make_tone(1.0, kind.sampling_rate, num_channels=2), kind)
    assert decode(path).size


@pytest.mark.parametrize(("name", "codec"), [("aiff", "pcm_s16be"), ("caf", "alac"), ("mp3", "mp3float")])
def test_says_how_a_recording_is_stored(name: str, codec: str, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", make_tone(1.0, KINDS[name].sampling_rate), KINDS[name])
    assert read_packing(path) == Packing(name, codec)


def test_keeps_samples_exactly(tmp_path: Path) -> None:
    tone = make_tone(1.0, 44_100, num_channels=2)
    samples = decode(write_voice(tmp_path / "voice.wav", tone, KINDS["wav, floats"]))
    np.testing.assert_array_equal(samples, tone)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{canary}\n", "audio.unknown_format"),
        (b"ffconcat version 1.0\nfile '{canary}'\n", "audio.unknown_format"),
        (b"[playlist]\nFile1={canary}\n", "audio.unknown_format"),
        (b"<?xml version='1.0'?><MPD><BaseURL>{canary}</BaseURL></MPD>", "audio.unknown_format"),
        (b"v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "audio.unknown_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='{canary}'/></svg>", "audio.unknown_format"),
        (b"RIFF\x24\0\0\0AVI LIST", "audio.unknown_format"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 60, "audio.unknown_format"),
        (b"just some words", "audio.unknown_format"),
        (b"RIFF\xff\xff\xff\xffWAVEjunk", "audio.unreadable"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 50, "audio.unreadable"),
        (b"ID3\4\0\0\0\0\0\0" * 50, "audio.unknown_format"),
        (b"\xff\xfb" + b"\0" * 300, "audio.unreadable"),
        (b"\0\0\0\x1cmoov\0\0\0\x14cmov\0\0\0\x0cdcomzlib", "audio.unknown_format"),
        (b"", "audio.empty_file"),
    ],
)
def test_refuses_what_is_no_recording(start: bytes, code: str, tmp_path: Path) -> None:
    canary = write_voice(tmp_path / "canary.wav", make_tone(2.0))
    path = tmp_path / "voice.wav"
    path.write_bytes(start.replace(b"{canary}", str(canary).encode()))
    assert refuse(path).notice.code == code


def test_reads_nothing_that_a_movie_points_to(tmp_path: Path) -> None:
    kind = Kind("mov", "mov", "pcm_s16le")
    canary = write_voice(tmp_path / "canary.mov", make_tone(1.0), kind)
    movie = write_voice(tmp_path / "voice.mov", np.zeros((1, 48_000), np.float32), kind)
    movie.write_bytes(name_other_file(movie.read_bytes(), canary))
    with av.open(movie, options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        assert next(container.decode(audio=0)).to_ndarray().any(), "the movie does point to the canary"
    assert refuse(movie).notice.code == "audio.unreadable"


@pytest.mark.parametrize("name", ["missing.wav", "."])
def test_refuses_what_cannot_be_opened(name: str, tmp_path: Path) -> None:
    assert refuse(tmp_path / name).notice.code == "audio.cannot_open"


def test_refuses_video_without_sound(tmp_path: Path) -> None:
    silent_film = write_voice(tmp_path / "film.mp4", np.zeros((0, 48_000), np.float32), KINDS["mp4"])
    assert refuse(silent_film).notice.code == "audio.no_sound"


def test_refuses_more_than_ten_minutes(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "long.wav", np.zeros((1, 8_000 * 602), np.float32), KINDS["wav, 8 bits"])
    with pytest.raises(InputTooLargeError, match="longer than 10 minutes"):
        decode(path)


def test_refuses_more_than_100_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(100_000_001)
    with pytest.raises(InputTooLargeError, match="100 MB"):
        decode(path)


@pytest.mark.parametrize("claimed_bytes", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_does_not_believe_claimed_length(claimed_bytes: int, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", make_tone(2.0, WAV.sampling_rate))
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"data") + 4, claimed_bytes)
    path.write_bytes(content)
    assert decode(path).shape[1] == 2.0 * WAV.sampling_rate


def test_finds_length_of_microphone_recordings(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.webm", make_tone(2.0), MICROPHONE)
    assert decode(path).shape[1] == 96_000


@pytest.mark.parametrize("sampling_rate", [1_000, 384_000])
def test_refuses_odd_sampling_rates(sampling_rate: int, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", make_tone(1.0, sampling_rate), WAV, sampling_rate)
    assert refuse(path).notice.code == "audio.unusual"


def test_silences_what_is_not_a_number(tmp_path: Path) -> None:
    tone = make_tone(1.0, 44_100)
    tone[0, 100:200], tone[0, 300], tone[0, 400] = np.nan, np.inf, -3e38
    samples = decode(write_voice(tmp_path / "voice.wav", tone, KINDS["wav, floats"]))
    assert not samples[0, 100:200].any()
    assert (samples[0, 300], samples[0, 400]) == (1.0, -1.0)


@pytest.mark.parametrize("name", ["mp3", "m4a, fragments", "aac", "opus", "flac", "webm, microphone", "mkv"])
def test_uses_what_a_cut_off_file_still_holds(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = write_voice(tmp_path / "voice", make_tone(4.0, kind.sampling_rate), kind)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 1.0 < decode(path).shape[1] / kind.sampling_rate < 3.5


def test_gives_up_a_recording_of_countless_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.audio.decode._MAX_PACKETS", 100)
    path = write_voice(tmp_path / "voice.m4a", make_tone(4.0, 44_100), KINDS["m4a"])
    assert refuse(path).notice.code == "audio.unreadable"


def test_counts_damaged_packets(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.m4a", make_tone(4.0, 44_100), KINDS["m4a"])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\x55" * 2000
    path.write_bytes(content)
    damage = Damage()
    assert list(decode_recording(path, damage))
    assert [notice.code for notice in damage.notices] == ["audio.damaged"]


def test_forgives_rubbish_at_the_end(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.mp3", make_tone(2.0, 44_100), KINDS["mp3"])
    path.write_bytes(path.read_bytes() + b"APETAGEX" + b"\x55" * 300)
    damage = Damage()
    assert list(decode_recording(path, damage))
    assert not damage.notices
