"""How loud a recording is, and whether that can be used."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.audio.decode import MAX_CHANNELS
from pipeline.errors import InputError
from pipeline.notices import Notice
from pipeline.types import SPEECH_SAMPLING_RATE, Floats

SILENT_PEAK = 1e-3
QUIET_DECIBELS = -40.0
CLIPPED_SHARE = 1e-3
_CLIPPED_SAMPLE = 0.998
_KEPT_ENERGY = 0.3
_RMS_SAMPLES = SPEECH_SAMPLING_RATE * 40 // 1000
_LOUD_PERCENTILE = 95


@dataclass
class Level:
    """Sums over the samples of a recording, before its channels were mixed.

    Attributes:
        num_samples: Of all channels together.
        num_clipped: Samples that stand at full scale beside another such.
        peak: The largest magnitude.
        energy: Sum of squares of each channel (8,).
        mixed_energy: Sum of squares of what the channels were mixed to.
    """

    num_samples: int = 0
    num_clipped: int = 0
    peak: float = 0.0
    energy: Floats = field(default_factory=lambda: np.zeros(MAX_CHANNELS, np.float32))
    mixed_energy: float = 0.0

    def add(self, samples: Floats, mixed: Floats) -> None:
        """Count a block (channels, samples) and what it was mixed to (samples,)."""
        full = np.abs(samples) >= _CLIPPED_SAMPLE
        self.num_samples += samples.size
        self.num_clipped += int(np.count_nonzero(full[:, 1:] & full[:, :-1]))
        self.peak = max(self.peak, float(np.abs(samples).max(initial=0.0)))
        self.energy[: len(samples)] += np.einsum("cn,cn->c", samples, samples)
        self.mixed_energy += float(mixed @ mixed)

    @property
    def is_lost_by_mixing(self) -> bool:
        """Whether mixing lost most of the loudest channel: the others are silent, or have the opposite sign."""
        return self.mixed_energy < _KEPT_ENERGY * float(self.energy.max())


def check_level(level: Level, waveform: Floats) -> tuple[Notice, ...]:
    """Find what is wrong with the loudness.

    Args:
        level: Of the recording.
        waveform: Mono samples (samples,) at 16 kHz.

    Raises:
        InputError: There is nothing to hear.
    """
    if level.peak < SILENT_PEAK:
        raise InputError("audio.silent", "audio")
    notices = []
    if level.num_clipped > CLIPPED_SHARE * level.num_samples:
        notices.append(Notice("audio.clipped", "audio"))
    if (decibels := measure_loudness(waveform)) < QUIET_DECIBELS:
        notices.append(Notice("audio.quiet", "audio", {"decibels": round(decibels)}))
    return tuple(notices)


def measure_loudness(waveform: Floats) -> float:
    """Return the level of the recording's loud moments in dB of full scale.

    Args:
        waveform: Mono samples (samples,) at 16 kHz.
    """
    num_pieces = len(waveform) // _RMS_SAMPLES
    pieces = waveform[: num_pieces * _RMS_SAMPLES].reshape(num_pieces, _RMS_SAMPLES)
    energy = np.einsum("pn,pn->p", pieces, pieces) / _RMS_SAMPLES
    return float(10 * np.log10(np.percentile(energy, _LOUD_PERCENTILE) + 1e-12))
