"""Several recordings on one time, heard as one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import read_sound
from pipeline.errors import InputError
from pipeline.request import Inputs, SpeakerRequest, Turn, VideoRequest
from pipeline.types import SoundMix
from pipeline.voices import Voices, load_voices
from tests.voices import KINDS, WAV, make_tone, write_voice

TWO = VideoRequest(speakers=(SpeakerRequest(0, "audio_0"), SpeakerRequest(1, "audio_1")))


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    """A second at 22.05 kHz and two seconds at 44.1 kHz, both nearly at full scale."""
    first = write_voice(tmp_path / "first.wav", make_tone(1, 22_050) * 1.8, WAV)
    second = write_voice(tmp_path / "second.flac", make_tone(2, 44_100) * 1.8, KINDS["flac"])
    return {"image": tmp_path / "photo", "audio_0": first, "audio_1": second, "audio": second}


def hear(voices: Voices) -> np.ndarray:
    return np.concatenate(list(read_sound(voices.sound).pieces), axis=1)


def test_together_the_shorter_one_is_silent_at_the_end(inputs: Inputs) -> None:
    first, second = load_voices(TWO, inputs, 25).voices
    assert len(first.waveform) == len(second.waveform) == 32_000
    assert first.waveform[:16_000].any()
    assert not first.waveform[16_000:].any()
    assert first.activity.shape == second.activity.shape == (50,)


def test_the_sum_is_of_the_best_quality_and_does_not_clip(inputs: Inputs) -> None:
    voices = load_voices(TWO, inputs, 25)
    track = read_sound(voices.sound)
    assert isinstance(voices.sound, SoundMix)
    assert track.sampling_rate == 44_100
    samples = np.concatenate(list(track.pieces), axis=1)
    assert samples.shape[1] == 88_200
    assert voices.sound.gain < 1
    assert 0.99 < np.abs(samples).max() <= 1
    alone = hear(load_voices(replace(TWO, speakers=TWO.speakers[1:]), inputs, 25))
    assert np.allclose(samples[:, 50_000:], voices.sound.gain * alone[:, 50_000:], atol=1e-3)


def test_in_turn_one_begins_where_the_other_ends(inputs: Inputs) -> None:
    voices = load_voices(replace(TWO, order="in_turn"), inputs, 25)
    first, second = (np.flatnonzero(voice.waveform) for voice in voices.voices)
    assert first.max() < 16_000 <= second.min()
    assert len(voices.voices[0].waveform) == 48_000
    assert isinstance(voices.sound, SoundMix)
    assert voices.sound.gain == 1
    assert hear(voices).shape[1] == 3 * 44_100


@pytest.mark.parametrize("order", ["together", "in_turn"])
def test_start_and_length_are_those_of_the_joined_time(order: str, inputs: Inputs) -> None:
    whole = load_voices(replace(TWO, order=order), inputs, 25)
    part = load_voices(replace(TWO, order=order, start_sec=0.5, max_duration_sec=1.2), inputs, 25)
    for one, all_ in zip(part.voices, whole.voices, strict=True):
        assert np.allclose(one.waveform, all_.waveform[8_000:27_200], atol=2e-3)
    heard, first = hear(part), round(0.5 * 44_100)
    gains = np.array([sound.sound.gain for sound in (part, whole)])
    assert np.allclose(heard / gains[0], hear(whole)[:, first : first + heard.shape[1]] / gains[1], atol=2e-2)


def test_a_part_behind_the_end_is_refused(inputs: Inputs) -> None:
    with pytest.raises(InputError, match="beyond the end"):
        load_voices(replace(TWO, start_sec=2.0), inputs, 25)


def test_a_recording_that_cannot_be_used_is_named(inputs: Inputs) -> None:
    with pytest.raises(InputError, match=r"Speaker 1: This is no recording") as caught:
        load_voices(TWO, {**inputs, "audio_1": Path("README.md")}, 25)
    assert caught.value.notice.about == "speakers"


def test_two_may_speak_the_same_file_and_it_is_heard_once(inputs: Inputs) -> None:
    choir = replace(TWO, speakers=(SpeakerRequest(0, "audio_0"), SpeakerRequest(1, "audio_0")))
    voices = load_voices(choir, inputs, 25)
    assert np.array_equal(voices.voices[0].waveform, voices.voices[1].waveform)
    assert np.array_equal(hear(voices), hear(load_voices(replace(choir, speakers=choir.speakers[:1]), inputs, 25)))


def test_turns_are_on_the_time_of_the_whole_recording(inputs: Inputs) -> None:
    both = (SpeakerRequest(0), SpeakerRequest(1))
    asked = VideoRequest(speakers=both, turns=(Turn(0, 0, 0.8), Turn(1, 0.8, 2)), start_sec=0.5)
    first, second = (np.flatnonzero(voice.waveform) for voice in load_voices(asked, inputs, 25).voices)
    assert first.max() / 16_000 == pytest.approx(0.305, abs=0.002)
    assert second.min() / 16_000 == pytest.approx(0.295, abs=0.002)


def test_a_quiet_beginning_is_not_taken_for_a_silent_recording(inputs: Inputs, tmp_path: Path) -> None:
    late = np.pad(make_tone(1, 16_000), ((0, 0), (32_000, 0)))
    inputs = {**inputs, "audio_1": write_voice(tmp_path / "late.wav", late, WAV)}
    request = replace(TWO, order="in_turn", max_duration_sec=2.0)
    _, second = load_voices(request, inputs, 25).voices
    assert not second.waveform.any()
