"""What the face is planned to do."""

import itertools

import numpy as np
import pytest

from pipeline.preview.performance import MAX_OPENING, perform
from pipeline.scene import Speaker
from pipeline.types import Speech
from tests.scenes import load_portrait, load_voice, make_speech

SECOND = 16_000


def plan(speech: Speech, seed: int = 1) -> dict[str, np.ndarray]:
    speaker = Speaker(load_portrait().face, speech.waveform, speech.activity)
    poses = perform(speaker, 25, seed, lambda _: None)
    return {name: np.array([getattr(pose, name) for pose in poses]) for name in vars(poses[0])}


@pytest.fixture(scope="module")
def curves() -> dict[str, np.ndarray]:
    return plan(load_voice())


def test_every_curve_has_a_value_for_each_frame(curves: dict[str, np.ndarray]) -> None:
    for curve in curves.values():
        assert curve.shape == (len(load_voice().activity),)
        assert np.isfinite(curve).all()


def test_the_mouth_opens_and_shuts(curves: dict[str, np.ndarray]) -> None:
    assert 0.4 * MAX_OPENING < curves["opening"].max() <= MAX_OPENING
    assert (curves["opening"] < 0.02).mean() > 0.1


def test_each_blink_shuts_the_eyes(curves: dict[str, np.ndarray]) -> None:
    blink = curves["blink"]
    peaks = blink[1:-1][(blink[1:-1] >= blink[:-2]) & (blink[1:-1] > blink[2:]) & (blink[1:-1] > 0.1)]
    assert len(peaks) >= 1
    assert peaks.min() > 0.9


def test_the_head_moves_slightly(curves: dict[str, np.ndarray]) -> None:
    for name in ("pitch", "yaw", "roll"):
        assert 0.1 < np.abs(curves[name]).max() < 5


def test_the_same_seed_gives_the_same_movement() -> None:
    speech = load_voice(seconds=3)
    first, again, other = (plan(speech, seed) for seed in (1, 1, 2))
    assert all((first[name] == again[name]).all() for name in first)
    assert not (first["yaw"] == other["yaw"]).all()


def test_noise_does_not_open_the_mouth() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 3 * SECOND).astype(np.float32)
    assert plan(make_speech(noise, activity=0.05))["opening"].max() < 0.01


def test_silence_keeps_the_mouth_shut() -> None:
    assert plan(make_speech(np.zeros(2 * SECOND, np.float32), activity=0.0))["opening"].max() == 0


def test_the_head_turns_nods_and_leans_each_in_its_own_time(curves: dict[str, np.ndarray]) -> None:
    movements = [curves[name] for name in ("pitch", "yaw", "roll")]
    for first, second in itertools.combinations(movements, 2):
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.95
    assert all(0.05 < np.ptp(movement) < 20 for movement in movements)
