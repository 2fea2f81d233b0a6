"""Blocks change their rate without a gap."""

import numpy as np
import pytest

from pipeline.audio.decode import Block
from pipeline.audio.resample import resample
from tests.voices import make_tone


@pytest.mark.parametrize("rates", [(48_000,), (44_100, 44_100, 44_100), (8_000, 48_000), (96_000, 22_050, 16_000)])
def test_joins_blocks_of_any_rate(rates: tuple[int, ...]) -> None:
    blocks = [Block(make_tone(0.5, rate), rate) for rate in rates]
    samples = np.concatenate(list(resample(blocks, 16_000)), axis=1)
    expected = np.concatenate([make_tone(0.5, 16_000) for _ in rates], axis=1)
    num_samples = min(samples.shape[1], expected.shape[1])
    assert abs(samples.shape[1] - expected.shape[1]) <= 2 * len(rates)
    error = samples[:, :num_samples] - expected[:, :num_samples]
    assert np.sqrt(np.mean(error**2)) < 0.03


@pytest.mark.parametrize("sampling_rate", [8_000, 16_000, 22_050, 48_000])
def test_it_does_not_matter_where_blocks_begin(sampling_rate: int) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 44_100)).astype(np.float32)
    pieces = [Block(piece, 44_100) for piece in np.split(noise, [1, 500, 12_345], axis=1)]
    whole = np.concatenate(list(resample([Block(noise, 44_100)], sampling_rate)), axis=1)
    np.testing.assert_array_equal(np.concatenate(list(resample(pieces, sampling_rate)), axis=1), whole)
    assert whole.shape == (2, sampling_rate)


def test_nothing_stays_nothing() -> None:
    assert list(resample([], 16_000)) == []
