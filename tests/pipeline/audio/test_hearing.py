"""Voice and sound agree on what of a recording is heard."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.audio import load_speech, read_sound
from pipeline.audio.decode import Damage, decode_recording
from pipeline.notices import Notice
from pipeline.types import Floats, Sound
from tests.voices import KINDS, SPEAKER, Kind, make_tone, write_voice

RATE = 48_000


def write_tracks(path: Path, tracks: list[tuple[Floats, str]], container: str, codec: str) -> Path:
    """Write tracks (channels, samples) with their layouts; samples take turns, as PyAV cannot write eight planes."""
    with av.open(path, "w", format=container) as file:
        streams = [file.add_stream(codec, rate=RATE, layout=layout) for _, layout in tracks]
        for (samples, layout), stream in zip(tracks, streams, strict=True):
            resampler = av.AudioResampler(
                stream.codec_context.format.name, layout, RATE, stream.codec_context.frame_size or 1024
            )
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T.reshape(1, -1)), "flt", layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for piece in (*resampler.resample(frame), *resampler.resample(None), None):
                file.mux(stream.encode(piece))
    return path


def read_voice(seconds: float = 2.0) -> Floats:
    samples = np.concatenate([block.samples for block in decode_recording(SPEAKER)], axis=1)
    return 0.5 * samples[:, : round(seconds * RATE)]


def measure(samples: Floats) -> list[float]:
    return [float(10 * np.log10(np.mean(channel**2))) for channel in samples]


def hear(sound: Sound) -> Floats:
    return np.concatenate(list(read_sound(sound).pieces), axis=1)


@pytest.mark.parametrize(
    ("layout", "voiced"),
    [("5.1", [2]), ("5.1", [0, 1, 2]), ("5.1(side)", [2]), ("7.1", [2]), ("7.1", [0, 1]), ("quad", [0, 1]),
     ("4.0", [0, 1]), ("quad", [0]), ("6.1", [2])],
)  # fmt: skip
@pytest.mark.parametrize("packing", [("wav", "pcm_f32le"), ("matroska", "aac")])
def test_sound_is_as_loud_as_the_voice(
    layout: str, voiced: list[int], packing: tuple[str, str], tmp_path: Path
) -> None:
    if (layout, packing[1]) in {("5.1(side)", "aac"), ("quad", "aac")}:
        packing = ("matroska", "flac")
    tone = make_tone(1.5, level=0.2)
    channels = np.zeros((av.AudioLayout(layout).nb_channels, tone.shape[1]), np.float32)
    channels[voiced] = tone
    speech = load_speech(write_tracks(tmp_path / "voice", [(channels, layout)], *packing))
    sound = hear(speech.sound)
    assert measure(sound) == pytest.approx(measure(tone) * len(sound), abs=0.5)
    assert measure(speech.waveform[None]) == pytest.approx(measure(tone), abs=0.5)


def test_opposite_channels_are_heard_on_one_loudspeaker(tmp_path: Path) -> None:
    tone = make_tone(2.0)
    path = write_voice(tmp_path / "voice.wav", np.concatenate([tone, -tone]), KINDS["wav, floats"], RATE)
    sound = hear(Sound(path, 0.0, 2.0))
    assert measure(sound.mean(axis=0, keepdims=True)) == pytest.approx(measure(tone), abs=0.1)


def test_the_track_with_a_voice_is_taken_and_said(tmp_path: Path) -> None:
    tone = make_tone(2.0)
    path = write_tracks(tmp_path / "film", [(0 * tone, "mono"), (tone, "mono")], "matroska", "aac")
    speech = load_speech(path)
    assert speech.notices[0].code == "audio.other_track"
    assert speech.notices[0].values == {"track": 2}
    assert np.abs(hear(speech.sound)).max() > 0.3


def test_all_of_a_chain_is_heard(tmp_path: Path) -> None:
    parts = [Kind("ogg", "ogg", "libopus"), Kind("ogg", "ogg", "vorbis", 22_050), Kind("ogg", "ogg", "flac", 44_100)]
    content = b"".join(
        write_voice(tmp_path / "part", make_tone(1.0, kind.sampling_rate, 2), kind).read_bytes() for kind in parts
    )
    (tmp_path / "chain").write_bytes(content)
    assert load_speech(tmp_path / "chain").total_seconds == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("name", ["mp3", "aac"])
@pytest.mark.parametrize("rubbish", [b"<html>\n" * 300, b"\xff" * 700, bytes(5_000)])
def test_rubbish_before_a_stream_is_passed_over(name: str, rubbish: bytes, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice", make_tone(2.0, KINDS[name].sampling_rate, 2), KINDS[name])
    path.write_bytes(rubbish + path.read_bytes())
    assert load_speech(path).total_seconds == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("name", ["webm", "mkv", "mp4", "ogg", "opus", "mp3", "aac", "flac"])
def test_a_hole_is_said(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = write_voice(tmp_path / "voice", make_tone(4.0, kind.sampling_rate, 2), kind)
    content = bytearray(path.read_bytes())
    middle, length = len(content) // 2, len(content) // 8
    content[middle : middle + length] = bytes(length)
    path.write_bytes(content)
    assert "audio.damaged" in {notice.code for notice in load_speech(path).notices}


@pytest.mark.parametrize(("container", "codec"), [("avi", "libmp3lame"), ("avi", "pcm_s16le"), ("flv", "libmp3lame")])
def test_a_video_that_holds_less_than_its_header_says_is_said(container: str, codec: str, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice", make_tone(4.0, 44_100), Kind("x", container, codec, 44_100))
    content = path.read_bytes()
    assert load_speech(path).notices == (Notice("audio.no_speech", "audio"),)
    path.write_bytes(content[: 2 * len(content) // 3])
    assert "audio.damaged" in {notice.code for notice in load_speech(path).notices}


def test_a_wav_that_was_cut_off_is_said(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice", make_tone(4.0, 22_050))
    path.write_bytes(path.read_bytes()[:-60_000])
    damage = Damage()
    assert list(decode_recording(path, damage))
    assert damage.missing_seconds == pytest.approx(60_000 / 44_100, abs=0.01)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mpegts", "aac"), ("avi", "libmp3lame"), ("mpeg", "mp2"), ("flv", "aac"), ("3gp", "aac"), ("mov", "aac"),
     ("mp4", "aac"), ("matroska", "aac"), ("au", "pcm_s16be"), ("ac3", "ac3"), ("caf", "pcm_s16be")],
)  # fmt: skip
def test_what_is_named_is_taken(container: str, codec: str, tmp_path: Path) -> None:
    kind = Kind("x", container, codec, 44_100 if container == "flv" else RATE)
    path = write_voice(tmp_path / "voice", make_tone(1.5, kind.sampling_rate), kind)
    assert load_speech(path).total_seconds == pytest.approx(1.5, abs=0.15)


def test_a_very_quiet_voice_is_raised_for_the_ear_alone(tmp_path: Path) -> None:
    voice = read_voice(3.0)
    path = write_voice(tmp_path / "voice.wav", 2e-4 * voice, KINDS["wav, floats"], 22_050)
    speech = load_speech(path)
    assert [notice.code for notice in speech.notices] == ["audio.quiet"]
    assert np.abs(speech.waveform).max() > 0.1
    assert np.abs(hear(speech.sound)).max() < 1e-3
