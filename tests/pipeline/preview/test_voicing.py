"""What hums and what hisses."""

import numpy as np
import pytest

from pipeline.preview.voicing import measure_voicing
from tests.scenes import load_voice

TIMES = np.arange(32_000) / 16_000


@pytest.mark.parametrize("hertz", [80, 150, 300, 450])
def test_a_hum_is_voiced(hertz: int) -> None:
    hum = sum(0.1 / k * np.sin(2 * np.pi * k * hertz * TIMES) for k in range(1, 6))
    assert measure_voicing(np.float32(hum), 50, 25)[2:-2].min() > 0.9


@pytest.mark.parametrize("level", [0.01, 0.3])
def test_noise_is_not_voiced(level: float) -> None:
    noise = np.random.default_rng(0).normal(0, level, len(TIMES))
    assert measure_voicing(np.float32(noise), 50, 25).max() < 0.05


def test_a_voice_is_voiced_now_and_then() -> None:
    speech = load_voice(seconds=4)
    voicing = measure_voicing(speech.waveform, len(speech.activity), 25)
    assert voicing.shape == (len(speech.activity),)
    assert 0.3 < (voicing > 0.5).mean() < 0.9


def test_no_frames_have_no_voicing() -> None:
    assert measure_voicing(np.zeros(100, np.float32), 0, 25).shape == (0,)
