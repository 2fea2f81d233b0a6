"""The video carries the person's own sound."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio import read_sound
from pipeline.audio.blocks import Block
from pipeline.audio.part import Part, cut_part
from pipeline.types import Sound
from tests.voices import KINDS, WAV, make_tone, write_voice


@pytest.mark.parametrize(
    ("recorded", "carried"),
    [(8_000, 16_000), (16_000, 16_000), (22_050, 22_050), (37_800, 44_100), (48_000, 48_000), (96_000, 48_000)],
)
def test_keeps_the_rate_where_aac_has_it(recorded: int, carried: int, tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voice.wav", make_tone(1.5, recorded), WAV, recorded)
    track = read_sound(Sound(path, 0.0, 1.5))
    assert track.sampling_rate == carried
    assert sum(piece.shape[1] for piece in track.pieces) == pytest.approx(1.5 * carried, abs=2)


@pytest.mark.parametrize("num_channels", [1, 2])
def test_keeps_channels(num_channels: int, tmp_path: Path) -> None:
    tone = make_tone(1.5, num_channels=num_channels) * np.array([[1.0], [0.5]], np.float32)[:num_channels]
    path = write_voice(tmp_path / "voice.wav", tone, KINDS["wav, floats"], 48_000)
    track = read_sound(Sound(path, 0.0, 1.5))
    np.testing.assert_allclose(np.concatenate(list(track.pieces), axis=1), tone, atol=1e-6)


@pytest.mark.parametrize(("start", "duration"), [(0.0, 1.0), (1.2345, 1.5), (3.0, 9.0)])
def test_takes_exactly_the_part_that_is_used(start: float, duration: float, tmp_path: Path) -> None:
    tone = make_tone(4.0)
    path = write_voice(tmp_path / "voice.wav", tone, KINDS["wav, floats"], 48_000)
    part = np.concatenate(list(read_sound(Sound(path, start, duration)).pieces), axis=1)
    first = round(start * 48_000)
    np.testing.assert_allclose(part, tone[:, first : first + round(duration * 48_000)], atol=1e-6)


def test_reads_nothing_beyond_the_part() -> None:
    blocks = iter([Block(np.zeros((1, 16_000), np.float32), 16_000) for _ in range(5)])
    assert len(list(cut_part(blocks, Part(Fraction(0), Fraction(2))))) == 2
    assert len(list(blocks)) == 3
