"""Voices on the video's time."""

import numpy as np
import pytest

from pipeline.audio.tracks import cut_activity, cut_turns, place_activity, place_voice
from pipeline.request import Turn
from pipeline.types import SPEECH_SAMPLING_RATE, Floats


def make_noise(seconds: float) -> Floats:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * SPEECH_SAMPLING_RATE)).astype(np.float32)


def test_turns_that_touch_add_up_to_the_recording() -> None:
    noise = make_noise(2)
    first = cut_turns(noise, [Turn(0, 0, 0.7), Turn(0, 1.2, 2)])
    second = cut_turns(noise, [Turn(1, 0.7, 1.2)])
    inside = slice(160, -160)
    assert np.allclose((first + second)[inside], noise[inside], atol=1e-6)


def test_outside_of_the_turns_there_is_true_silence() -> None:
    noise = make_noise(2)
    track = cut_turns(noise, [Turn(0, 0.5, 1)])
    assert not track[: round(0.49 * 16_000)].any()
    assert not track[round(1.01 * 16_000) :].any()
    assert np.array_equal(
        track[round(0.51 * 16_000) : round(0.99 * 16_000)], noise[round(0.51 * 16_000) : round(0.99 * 16_000)]
    )


def test_a_turn_begins_with_a_fade_of_ten_milliseconds() -> None:
    track = cut_turns(np.ones(16_000, np.float32), [Turn(0, 0.5, 1.5)])
    rising = track[(track > 0) & (track < 1)]
    assert len(rising) == pytest.approx(160, abs=2)
    assert (np.diff(rising) > 0).all()


def test_turns_before_and_behind_the_part_that_is_used_do_no_harm() -> None:
    noise = make_noise(1)
    assert not cut_turns(noise, [Turn(0, -5, -1), Turn(0, 3, 4)]).any()
    assert np.array_equal(cut_turns(noise, [Turn(0, -5, 9)]), noise)


def test_activity_is_that_of_the_own_turns() -> None:
    activity = cut_activity(np.ones(50, np.float32), [Turn(0, 0.4, 0.8)], 25)
    assert np.flatnonzero(activity).tolist() == list(range(10, 20))


@pytest.mark.parametrize("offset", [-8_000, 0, 8_000, 40_000])
def test_a_voice_is_placed_where_it_begins(offset: int) -> None:
    voice, track = make_noise(1), np.zeros(32_000, np.float32)
    for index, sample in enumerate(voice):
        if 0 <= offset + index < len(track):
            track[offset + index] = sample
    assert np.array_equal(place_voice(voice, offset, 32_000), track)
    activity = place_activity(np.ones(25, np.float32), offset, 32_000, 25)
    expected = [0 <= (frame + 0.5) * 640 - offset <= 16_000 for frame in range(50)]
    assert activity.tolist() == np.float32(expected).tolist()
