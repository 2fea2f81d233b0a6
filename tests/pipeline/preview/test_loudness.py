"""Loudness of each frame, and where there is speech."""

import numpy as np
import pytest

from pipeline.preview.loudness import gate, measure_envelope

SECOND = 16_000
NOISE = np.random.default_rng(0).normal(0, 1, 4 * SECOND).astype(np.float32)


def test_envelope_is_high_where_the_voice_is_loud() -> None:
    waveform = np.r_[0.3 * NOISE[:SECOND], 0.001 * NOISE[:SECOND]].astype(np.float32)
    envelope = measure_envelope(waveform, 50, 25)
    assert envelope[1:24].min() > 0.9
    assert envelope[26:].max() == 0


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_has_no_envelope(level: float) -> None:
    assert measure_envelope(level * NOISE, 100, 25).max() == 0


@pytest.mark.parametrize("gain", [0.02, 0.2, 1.0])
def test_envelope_does_not_depend_on_the_recording_s_level(gain: float) -> None:
    waveform = np.r_[0.3 * NOISE[:SECOND], 0.05 * NOISE[:SECOND]].astype(np.float32)
    assert measure_envelope(gain * waveform, 50, 25) == pytest.approx(measure_envelope(waveform, 50, 25), abs=0.02)


def test_noise_between_words_counts_as_silence() -> None:
    waveform = 0.05 * NOISE
    waveform[:SECOND] = 0.3 * NOISE[:SECOND]
    activity = np.r_[np.ones(25), np.zeros(75)].astype(np.float32)
    assert measure_envelope(waveform, 100, 25)[30:].mean() > 0.3
    assert measure_envelope(waveform, 100, 25, activity)[30:].mean() < 0.05


def test_gate_opens_a_little_before_speech_and_closes_after_it() -> None:
    activity = np.zeros(100, np.float32)
    activity[40:60] = 1
    opened = gate(activity)
    assert opened[36:64].min() == 1
    assert opened[:30].max() == opened[70:].max() == 0


def test_no_frames_have_no_envelope() -> None:
    assert len(measure_envelope(NOISE[:100], 0, 25)) == 0
