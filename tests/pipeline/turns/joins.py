"""Conversations joined from voices that speak alone, so that it is known who speaks when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.request import Turn
from pipeline.types import Floats

RATE = 16_000
_QUIETEST = 0.03
"""Of a voice's loudest tenth of a second: below, nobody speaks."""
_BLOCK = 320
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Join:
    """A conversation.

    Attributes:
        waveform: Mono samples (samples,) at 16 kHz.
        truth: Who speaks when.
    """

    waveform: Floats
    truth: tuple[Turn, ...]


def join(voices: Sequence[Floats], order: Sequence[int], seconds: Sequence[float], pauses: Sequence[float]) -> Join:
    """Let voices speak one after the other, each on from where it stopped, or again from its beginning.

    Args:
        voices: Waveforms (samples,), of one person each.
        order: Who speaks, turn by turn.
        seconds: How long each turn is.
        pauses: Silence before each turn.
    """
    voices = [_trim(voice) for voice in voices]
    places = [0] * len(voices)
    pieces: list[Floats] = []
    truth: list[Turn] = []
    for speaker, duration, pause in zip(order, seconds, pauses, strict=True):
        pieces.append(np.zeros(round(pause * RATE), np.float32))
        start = sum(map(len, pieces)) / RATE
        piece, places[speaker] = _take(voices[speaker], places[speaker], round(duration * RATE))
        truth += [Turn(speaker, start + a, start + b) for a, b in find_spans(piece)]
        pieces.append(_fade(piece))
    return Join(np.concatenate(pieces), tuple(truth))


def find_spans(waveform: Floats) -> Iterator[tuple[float, float]]:
    """Yield where a voice that is alone is heard, in seconds, over pauses of less than half a second."""
    num_blocks = len(waveform) // _BLOCK
    level = np.sqrt((waveform[: num_blocks * _BLOCK].reshape(-1, _BLOCK) ** 2).mean(axis=1))
    heard = np.flatnonzero(level > _QUIETEST * np.quantile(level, 0.95))
    if len(heard) == 0:
        return
    breaks = np.flatnonzero(np.diff(heard) * _BLOCK / RATE >= _PAUSE_SECONDS)
    for first, last in zip((0, *breaks + 1), (*breaks, len(heard) - 1), strict=True):
        yield float(heard[first]) * _BLOCK / RATE, float(heard[last] + 1) * _BLOCK / RATE


def add_noise(waveform: Floats, decibels: float, seed: int) -> Floats:
    """Add pink noise, so many decibels below the speech."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(waveform)))
    pink = np.fft.irfft(white / np.sqrt(np.arange(len(white)) + 1), len(waveform)).astype(np.float32)
    loud = waveform[np.abs(waveform) > 0]
    return waveform + pink * np.float32(np.sqrt((loud**2).mean() / (pink**2).mean()) * 10 ** (-decibels / 20))


def make_music(seconds: float) -> Floats:
    """Return chords of plucked tones with overtones, two a second."""
    rng = np.random.default_rng(5)
    time = np.arange(round(seconds * RATE)) / RATE
    music = np.zeros(len(time))
    for beat in np.arange(0, seconds, 0.5):
        since = np.maximum(time - beat, 0)
        for note in rng.choice([220, 247, 277, 330, 370, 440, 554], 3, replace=False):
            for overtone in range(1, 6):
                music += (time >= beat) * np.exp(-4 * since) * np.sin(2 * np.pi * note * overtone * since) / overtone
    return (0.1 * music / np.abs(music).max() * 3).astype(np.float32)


def _trim(voice: Floats) -> Floats:
    """Take the silence away before, after and between what is said, and bring the voice to a usual level."""
    said = np.concatenate([voice[round(a * RATE) : round(b * RATE)] for a, b in find_spans(voice)])
    return said * np.float32(0.05 / np.sqrt((said**2).mean()))


def _take(voice: Floats, start: int, num_samples: int) -> tuple[Floats, int]:
    if start + num_samples > len(voice):
        start = 0
    return voice[start : start + num_samples], start + num_samples


def _fade(piece: Floats) -> Floats:
    """Let it begin and end within 10 ms."""
    ramp = np.minimum(np.arange(len(piece)) / 160, 1).astype(np.float32)
    return piece * ramp * ramp[::-1]
