"""Read an uploaded recording into the speech that an engine gets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from pipeline.audio.decode import Block, Damage, decode_recording
from pipeline.audio.level import Level, check_level
from pipeline.audio.part import Part, check_part, choose_part, cut_part
from pipeline.audio.resample import resample
from pipeline.audio.speech import check_activity, find_activity
from pipeline.types import SPEECH_SAMPLING_RATE, Floats, Sound, Speech


def load_speech(path: Path, start_seconds: float = 0.0, max_duration_seconds: float | None = None) -> Speech:
    """Read the part of a recording that is to be spoken.

    Args:
        path: WAV, AIFF, CAF, MP3, M4A, AAC, Ogg, Opus, FLAC, WebM, AMR, or a video with sound.
        start_seconds: Where the part begins.
        max_duration_seconds: How long it may be at most; None takes the rest.

    Raises:
        InputError: It is no recording, too short, or silent.
        InputTooLargeError: It has too many bytes or seconds.
    """
    part = choose_part(start_seconds, max_duration_seconds)
    recording = _read_recording(path, part)
    if recording.level.is_lost_by_mixing:
        recording = _read_recording(path, part, channel=int(np.argmax(recording.level.energy)))
    check_part(part, recording.part_seconds, recording.total_seconds)
    notices = check_level(recording.level, recording.waveform)
    activity = find_activity(recording.waveform)
    return Speech(
        waveform=recording.waveform,
        sound=Sound(path, start_seconds, float(recording.part_seconds)),
        total_seconds=float(recording.total_seconds),
        activity=activity,
        notices=(*notices, *check_activity(activity), *recording.damage.notices),
    )


@dataclass
class _Recording:
    """What one pass over a recording finds."""

    waveform: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    part_seconds: Fraction = Fraction(0)
    total_seconds: Fraction = Fraction(0)
    level: Level = field(default_factory=Level)
    damage: Damage = field(default_factory=Damage)


def _read_recording(path: Path, part: Part, channel: int | None = None) -> _Recording:
    """Decode a recording once; `channel` is the one to take, None takes their mean."""
    recording = _Recording()
    blocks = _count_seconds(decode_recording(path, recording.damage), recording)
    pieces = list(resample(_mix(cut_part(blocks, part), channel, recording), SPEECH_SAMPLING_RATE))
    for _ in blocks:  # what follows the part is only counted
        pass
    recording.waveform = _join(pieces, ceil(recording.part_seconds * SPEECH_SAMPLING_RATE))
    return recording


def _count_seconds(blocks: Iterable[Block], recording: _Recording) -> Iterator[Block]:
    for block in blocks:
        recording.total_seconds += block.seconds
        yield block


def _mix(blocks: Iterable[Block], channel: int | None, recording: _Recording) -> Iterator[Block]:
    for block in blocks:
        samples = block.samples
        mixed = samples.mean(axis=0) if channel is None else samples[min(channel, len(samples) - 1)]
        recording.level.add(samples, mixed)
        recording.part_seconds += block.seconds
        yield Block(mixed[None], block.sampling_rate)


def _join(pieces: list[Floats], num_samples: int) -> Floats:
    """Return the pieces as one waveform, with silence for what the last sample lacks of them."""
    waveform = np.zeros(num_samples, np.float32)
    start = 0
    for piece in pieces:
        samples = piece[0, : num_samples - start]
        waveform[start : start + len(samples)] = samples
        start += len(samples)
    return waveform
