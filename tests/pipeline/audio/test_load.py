"""A recording becomes speech, or a reason why not."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.audio import load_speech
from pipeline.errors import InputError
from pipeline.types import Floats, Speech
from tests.voices import KINDS, SPEAKER, WAV, make_tone, write_voice

FUZZ = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def load_tone(path: Path, samples: Floats, sampling_rate: int = 48_000) -> Speech:
    return load_speech(write_voice(path / "voice.wav", samples, KINDS["wav, floats"], sampling_rate))


def test_reads_a_voice() -> None:
    speech = load_speech(SPEAKER)
    assert speech.total_seconds == pytest.approx(11.87, abs=0.01)
    assert len(speech.waveform) == math.ceil(speech.total_seconds * 16_000)
    assert len(speech.activity) == 296
    assert speech.activity.mean() > 0.7
    assert not speech.notices


def test_hears_what_the_original_hears() -> None:
    """The samples are those of `librosa.load("assets/voices/joe.wav", sr=16_000, offset=2, duration=1.5)`."""
    original = np.load(Path(__file__).with_name("librosa.npy"))
    np.testing.assert_allclose(load_speech(SPEAKER, 2.0, 1.5).waveform, original, atol=1e-6)


@pytest.mark.parametrize(
    ("start", "most", "seconds"), [(0.0, 3.0, 3.0), (2.5, None, 9.3654), (2.5, 2.0, 2.0), (10.0, 60.0, 1.8654)]
)
def test_takes_the_part_that_was_asked_for(start: float, most: float | None, seconds: float) -> None:
    whole = load_speech(SPEAKER).waveform
    speech = load_speech(SPEAKER, start, most)
    assert (speech.sound.start_seconds, speech.sound.duration_seconds) == (start, pytest.approx(seconds, abs=1e-3))
    first = round(start * 16_000)
    np.testing.assert_allclose(speech.waveform[100:-100], whole[first:][100 : len(speech.waveform) - 100], atol=0.01)


@pytest.mark.parametrize(
    ("start", "most", "code", "about"),
    [
        (12.0, None, "audio.start_beyond_end", "start_sec"),
        (11.2, None, "audio.part_too_short", "start_sec"),
        (-1.0, None, "audio.start_invalid", "start_sec"),
        (math.nan, None, "audio.start_invalid", "start_sec"),
        (math.inf, None, "audio.start_invalid", "start_sec"),
        (0.0, 0.5, "audio.length_invalid", "max_duration_sec"),
        (0.0, math.nan, "audio.length_invalid", "max_duration_sec"),
        (0.0, math.inf, "audio.length_invalid", "max_duration_sec"),
    ],
)
def test_refuses_an_impossible_part(start: float, most: float | None, code: str, about: str) -> None:
    with pytest.raises(InputError) as caught:
        load_speech(SPEAKER, start, most)
    assert (caught.value.notice.code, caught.value.notice.about) == (code, about)


@pytest.mark.parametrize(("seconds", "total"), [(0.3, 0.3), (0.999, 0.99)])
def test_refuses_less_than_a_second_and_calls_it_less(seconds: float, total: float, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_tone(tmp_path, make_tone(seconds))
    assert (caught.value.notice.code, caught.value.notice.values) == ("audio.too_short", {"total": total})


@pytest.mark.parametrize("sampling_rate", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_accepts_exactly_a_second(sampling_rate: int, tmp_path: Path) -> None:
    speech = load_tone(tmp_path, make_tone(1.0, sampling_rate), sampling_rate)
    assert (len(speech.waveform), len(speech.activity)) == (16_000, 25)


@pytest.mark.parametrize("level", [0.0, 1e-5, 5e-4])
def test_refuses_silence(level: float, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="silent"):
        load_tone(tmp_path, make_tone(2.0, level=level))


@pytest.mark.parametrize(("level", "code"), [(0.5, "audio.no_speech"), (0.005, "audio.quiet"), (4.0, "audio.clipped")])
def test_warns_of_what_sounds_bad(level: float, code: str, tmp_path: Path) -> None:
    speech = load_tone(tmp_path, make_tone(2.0, level=level))
    assert code in {notice.code for notice in speech.notices}
    assert all(notice.text for notice in speech.notices)


def test_channels_of_opposite_sign_do_not_cancel(tmp_path: Path) -> None:
    tone = make_tone(2.0)
    speech = load_tone(tmp_path, np.concatenate([tone, -tone]))
    np.testing.assert_allclose(np.abs(speech.waveform).max(), 0.5, atol=0.02)


def test_voice_on_one_channel_is_heard(tmp_path: Path) -> None:
    tone = make_tone(2.0)
    speech = load_tone(tmp_path, np.concatenate([tone * 0, tone]))
    np.testing.assert_allclose(np.abs(speech.waveform).max(), 0.5, atol=0.02)


def test_resamples_without_delay(tmp_path: Path) -> None:
    click = np.zeros((1, 96_000), np.float32)
    click[0, 48_000:48_048] = 0.9
    waveform = load_tone(tmp_path, click).waveform
    assert np.abs(waveform).argmax() == pytest.approx(16_008, abs=8)


@FUZZ
@given(content=st.binary(max_size=4_000))
def test_random_bytes_give_a_reason(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_speech(path)


@FUZZ
@given(data=st.data())
def test_damaged_recordings_give_speech_or_a_reason(data: st.DataObject, tmp_path: Path) -> None:
    kind = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
    path = write_voice(tmp_path / "voice", make_tone(1.5, kind.sampling_rate, num_channels=2), kind)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    expect_speech_or_reason(path)


@pytest.mark.parametrize("name", KINDS)
def test_whole_recordings_give_speech_and_no_alarm(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    path = write_voice(tmp_path / "voice", make_tone(1.5, kind.sampling_rate, num_channels=2), kind)
    assert {notice.code for notice in expect_speech(path).notices} == {"audio.no_speech"}


@FUZZ
@given(
    sampling_rate=st.integers(3_000, 200_000), num_channels=st.integers(1, 2), num_samples=st.integers(1, 300_000),
    level=st.floats(0, 100),
)  # fmt: skip
def test_any_rate_and_length_give_speech_or_a_reason(
    sampling_rate: int, num_channels: int, num_samples: int, level: float, tmp_path: Path
) -> None:
    tone = make_tone(num_samples / sampling_rate, sampling_rate, num_channels, level)
    expect_speech_or_reason(write_voice(tmp_path / "voice.wav", tone, WAV, sampling_rate))


def expect_speech_or_reason(path: Path) -> None:
    try:
        expect_speech(path)
    except InputError:
        return


def expect_speech(path: Path) -> Speech:
    speech = load_speech(path)
    assert np.isfinite(speech.waveform).all()
    assert np.abs(speech.waveform).max() < 2
    assert len(speech.activity) >= 25
    return speech
