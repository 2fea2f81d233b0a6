"""Who speaks when is found in conversations of which it is known."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import load_speech
from pipeline.errors import InputError
from pipeline.request import Turn
from pipeline.turns.count import check_num_speakers
from pipeline.turns.find import find_turns
from tests.pipeline.turns.joins import RATE, add_noise, join, make_music
from tests.pipeline.turns.score import measure_error
from tests.pipeline.turns.table import add_music

VOICES = Path("assets/voices")
HERE = Path(__file__).parent
FILES = {name: VOICES / f"{name}.wav" for name in ("joe", "hibari")} | {
    name: HERE / f"{name}.opus" for name in ("man", "woman")
}
CASES = {
    "two men, no pauses": (("joe", "man"), (0, 1, 0), (2.0, 2.5, 2.0), 0.0),
    "two women": (("hibari", "woman"), (0, 1, 0), (2.5, 2.0, 2.0), 0.3),
    "three": (("joe", "woman", "man"), (0, 1, 2), (2.0, 2.5, 2.5), 0.2),
}


def load(*names: str) -> list[np.ndarray]:
    return [load_speech(FILES[name]).waveform for name in names]


@pytest.mark.parametrize("name", CASES)
def test_gives_each_moment_to_who_speaks(name: str) -> None:
    voices, order, seconds, pause = CASES[name]
    made = join(load(*voices), order, seconds, [pause] * len(order))
    found = find_turns(made.waveform, len(voices))
    assert found[0].speaker == 0
    assert all(a.end_sec <= b.start_sec for a, b in pairwise(found))
    assert min(turn.end_sec - turn.start_sec for turn in found) >= 1
    assert measure_error(found, made.truth) <= 0.1


def test_hears_voices_in_noise_and_counts_them_where_music_is_nobody_s() -> None:
    made = add_music(join(load("joe", "hibari"), (0, 1, 0), (3, 3, 3), [0.3] * 3))
    found = find_turns(add_noise(made.waveform, 15, seed=1))
    assert {turn.speaker for turn in found} == {0, 1}
    assert found[0].start_sec > 4.75
    assert measure_error(found, made.truth) <= 0.1


@pytest.mark.parametrize("waveform", [np.zeros(RATE, np.float32), make_music(3)], ids=["silence", "music"])
def test_nobody_speaks_where_there_is_no_speech(waveform: np.ndarray) -> None:
    assert find_turns(waveform) == ()


@pytest.mark.parametrize("count", [2, None])
def test_one_voice_is_one_person_s_however_many_are_asked_for(count: int | None) -> None:
    assert {turn.speaker for turn in find_turns(load("joe")[0], count)} == {0}


@pytest.mark.parametrize("count", [0, 5, 1.5, float("nan"), float("inf")])
def test_says_how_many_people_there_may_be(count: float) -> None:
    with pytest.raises(InputError, match="1 to 4 people"):
        check_num_speakers(count)


def test_the_score_counts_what_is_missed_invented_and_given_to_another() -> None:
    truth = (Turn(0, 0, 5), Turn(1, 5, 10))
    assert measure_error((Turn(1, 0, 5.2), Turn(0, 5.2, 10)), truth) == 0  # other numbers, within the collar
    assert measure_error((Turn(0, 0, 10),), truth) == pytest.approx(0.5, abs=0.01)
    assert measure_error((), truth) == 1
    assert measure_error((*truth, Turn(0, 12, 17)), truth) == pytest.approx(4.75 / 9, abs=0.03)
