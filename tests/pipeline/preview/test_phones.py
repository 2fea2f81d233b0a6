"""Which sounds are heard when."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.preview.phones import PART_SECONDS, hear_phones, split_at_quiet
from tests.scenes import load_voice

SECOND = 16_000


def test_parts_cover_the_voice_and_end_where_it_is_quiet() -> None:
    waveform = np.random.default_rng(0).normal(0, 0.2, 40 * SECOND).astype(np.float32)
    waveform[10 * SECOND : int(10.5 * SECOND)] = 0
    parts = list(split_at_quiet(waveform))
    assert 10 * SECOND <= parts[0][1] <= 10.5 * SECOND
    assert [start for start, _ in parts[1:]] == [stop for _, stop in parts[:-1]]
    assert (parts[0][0], parts[-1][1]) == (0, len(waveform))
    assert max(stop - start for start, stop in parts) <= PART_SECONDS * SECOND


def test_hears_the_sounds_of_a_voice_in_order() -> None:
    shares: list[float] = []
    speech = load_voice(seconds=4)
    segments = hear_phones(speech.waveform, shares.append)
    spoken = {segment.phoneme for segment in segments} - {"sil"}
    assert len(spoken) > 10
    assert all(before.end <= after.start + 1e-6 for before, after in pairwise(segments))
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("num_samples", [400, 1600, 8000])
def test_hears_silence_of_any_length(num_samples: int) -> None:
    segments = hear_phones(np.zeros(num_samples, np.float32), lambda _: None)
    assert len(segments) >= 1
    assert segments[-1].end <= num_samples / SECOND + 0.03
