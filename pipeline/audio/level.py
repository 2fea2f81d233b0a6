"""How loud a recording is, and whether that can be used."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pipeline.audio.blocks import MAX_CHANNELS, Block
from pipeline.errors import InputError
from pipeline.notices import Notice
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

SILENT_PEAK = 1e-3
"""Below it only speech counts as a sound."""
QUIET_DECIBELS = -40.0
CLIPPED_SHARE = 1e-3
_RAISED_DECIBELS = -25.0
_RAISED_PEAK = 0.9
_NOTHING = 1e-6
_OFFSET = 0.01
_CLIPPED_SAMPLE = 0.998
_WINDOW_SECONDS = 0.1
_CANCELLED_SHARE = 0.1
_RMS_SAMPLES = SPEECH_SAMPLING_RATE * 40 // 1000
_LOUD_PERCENTILE = 95


@dataclass
class Level:
    """Sums over the samples of one layout of channels, before and after they were mixed.

    Attributes:
        num_samples: Of all channels together.
        num_clipped: Samples that stand at full scale beside another such.
        energy: Sum of squares of each channel (8,).
        heard_energy: Sum of squares of what more than two channels become on the left and the right (2,).
        heard_peak: The largest magnitude of that.
        mixed_energy: Sum of squares of the mean of left and right.
        expected_energy: What `mixed_energy` would be of channels that have nothing to do with each other.
        cancelled_energy: The part of it from moments in which the channels wipe each other out.
    """

    num_samples: int = 0
    num_clipped: int = 0
    energy: Floats = field(default_factory=lambda: np.zeros(MAX_CHANNELS, np.float32))
    heard_energy: Floats = field(default_factory=lambda: np.zeros(2, np.float32))
    heard_peak: float = 0.0
    mixed_energy: float = 0.0
    expected_energy: float = 0.0
    cancelled_energy: float = 0.0

    def add(self, block: Block, heard: Floats, weights: Floats) -> None:
        """Count a block.

        Args:
            block: As it was recorded.
            heard: What it is mixed to (1 or 2, samples).
            weights: Of each channel in the mean of `heard` (channels,).
        """
        samples, mixed = block.samples, heard.mean(axis=0)
        full = np.abs(samples) >= _CLIPPED_SAMPLE
        self.num_samples += samples.size
        self.num_clipped += int(np.count_nonzero(full[:, 1:] & full[:, :-1]))
        self.energy[: len(samples)] += np.einsum("cn,cn->c", samples, samples)
        if heard is not samples:
            self.heard_energy += np.einsum("cn,cn->c", heard, heard)
            self.heard_peak = max(self.heard_peak, float(np.abs(heard).max(initial=0.0)))
        self.mixed_energy += float(mixed @ mixed)
        if len(samples) > 1:
            self._compare(block, mixed, weights)

    def _compare(self, block: Block, mixed: Floats, weights: Floats) -> None:
        window = max(round(block.sampling_rate * _WINDOW_SECONDS), 1)
        num_windows = len(mixed) // window
        channels = block.samples[:, : num_windows * window].reshape(len(weights), num_windows, window)
        means = mixed[: num_windows * window].reshape(num_windows, window)
        expected = weights**2 @ np.einsum("cwn,cwn->cw", channels, channels)
        is_cancelled = np.einsum("wn,wn->w", means, means) < _CANCELLED_SHARE * expected
        self.expected_energy += float(expected.sum())
        self.cancelled_energy += float(expected[is_cancelled].sum())


def find_clipping(levels: Iterable[Level]) -> tuple[Notice, ...]:
    """Warn where a recording is too loud."""
    num_clipped, num_samples = np.sum([(level.num_clipped, level.num_samples) for level in levels], axis=0)
    return (Notice("audio.clipped", "audio"),) if num_clipped > CLIPPED_SHARE * num_samples else ()


@dataclass(frozen=True)
class Raised:
    """A voice as the model's ear gets it.

    Attributes:
        waveform: Mono samples (samples,) at 16 kHz.
        gain: How much louder it is than it was recorded.
        peak: The largest magnitude before that.
    """

    waveform: Floats
    gain: float
    peak: float


def raise_quiet(waveform: Floats) -> Raised:
    """Make a voice loud enough to be understood, and take away a constant that is no sound; others stay as they are.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
    """
    offset = waveform.mean()
    if abs(offset) > _OFFSET:
        waveform = waveform - offset
    peak = float(np.abs(waveform).max(initial=0.0))
    decibels = measure_loudness(waveform)
    if decibels >= QUIET_DECIBELS or peak < _NOTHING:
        return Raised(waveform, 1.0, peak)
    gain = max(min(10 ** ((_RAISED_DECIBELS - decibels) / 20), _RAISED_PEAK / peak), 1.0)
    return Raised(waveform * np.float32(gain), gain, peak)


def check_level(raised: Raised, is_spoken: npt.NDArray[np.bool_]) -> tuple[Notice, ...]:
    """Find what is wrong with the loudness.

    Args:
        raised: The voice.
        is_spoken: Whether somebody speaks in each video frame (num_frames,); none where it is no matter.

    Raises:
        InputError: There is nothing to hear.
    """
    if raised.peak < SILENT_PEAK and not is_spoken.any():
        raise InputError("audio.silent", "audio")
    decibels = measure_loudness(raised.waveform, is_spoken) - 20 * np.log10(raised.gain)
    return (Notice("audio.quiet", "audio", {"decibels": round(decibels)}),) if decibels < QUIET_DECIBELS else ()


def measure_loudness(waveform: Floats, is_counted: npt.NDArray[np.bool_] | None = None) -> float:
    """Return the level of the recording's loud moments in dB of full scale.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
        is_counted: Which video frames are looked at (num_frames,); all where there is none.
    """
    num_pieces = len(waveform) // _RMS_SAMPLES
    pieces = waveform[: num_pieces * _RMS_SAMPLES].reshape(num_pieces, _RMS_SAMPLES)
    energy = np.einsum("pn,pn->p", pieces, pieces) / _RMS_SAMPLES
    if is_counted is not None and is_counted.any():
        energy = energy[is_counted]
    return float(10 * np.log10(np.percentile(energy, _LOUD_PERCENTILE) + 1e-12))
