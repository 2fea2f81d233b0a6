"""The person's own sound, as the video carries it."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

from pipeline.audio.blocks import Block
from pipeline.audio.decode import decode_recording
from pipeline.audio.load import load_speech
from pipeline.audio.mix import mix_block
from pipeline.audio.part import Part, cut_part
from pipeline.audio.resample import resample
from pipeline.audio.sum import LOUDEST_PEAK, add_tracks
from pipeline.types import Hearing, Sound, SoundMix, SoundTrack

_TRACK_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Rates that AAC knows and every browser plays."""


def read_sound(sound: Sound | SoundMix) -> SoundTrack:
    """Return the part that is used at its own rate and with its own channels, decoded while it is read.

    What is heard is what the engine hears. More than two channels become stereo. A rate that AAC does not have becomes
    the next higher one, 48 kHz at most. Several recordings have the rate and the channels of the best one.

    Raises:
        InputError: It is no recording.
    """
    if isinstance(sound, SoundMix):
        return _read_mix(sound)
    hearing = sound.hearing or _listen(sound)
    return _read(sound, hearing, _choose_rate(hearing), hearing.num_channels)


def choose_gain(mix: SoundMix) -> float:
    """Return how loud several recordings may be heard together: 1, or less where their sum would pass full scale.

    They are all read for that, unless no two of them are heard at the same time.

    Raises:
        InputError: One is no recording.
    """
    if not _is_crowded(mix):
        return 1.0
    peak = max((float(np.abs(piece).max(initial=0.0)) for piece in read_sound(mix).pieces), default=0.0)
    return min(1.0, LOUDEST_PEAK / peak) if peak > LOUDEST_PEAK else 1.0


def _is_crowded(mix: SoundMix) -> bool:
    spans = sorted((part.offset_seconds, part.offset_seconds + part.sound.duration_seconds) for part in mix.parts)
    return any(after[0] < before[1] for before, after in pairwise(spans))


def _read_mix(mix: SoundMix) -> SoundTrack:
    heard = [(part, part.sound.hearing or _listen(part.sound)) for part in mix.parts]
    sampling_rate = max(_choose_rate(hearing) for _, hearing in heard)
    num_channels = max(hearing.num_channels for _, hearing in heard)
    tracks = (
        (_read(part.sound, hearing, sampling_rate, num_channels), round(part.offset_seconds * sampling_rate))
        for part, hearing in heard
    )
    num_samples = round(mix.duration_seconds * sampling_rate)
    return SoundTrack(sampling_rate, num_channels, add_tracks(tracks, num_samples, mix.gain))


def _choose_rate(hearing: Hearing) -> int:
    return next((rate for rate in _TRACK_RATES if rate >= hearing.sampling_rate), _TRACK_RATES[-1])


def _read(sound: Sound, hearing: Hearing, sampling_rate: int, num_channels: int) -> SoundTrack:
    part = Part(Fraction(sound.start_seconds), Fraction(sound.duration_seconds))
    blocks = cut_part(decode_recording(sound.path, track=hearing.track), part)
    pieces = resample(_match(blocks, hearing, num_channels), sampling_rate)
    return SoundTrack(sampling_rate, num_channels, pieces)


def _listen(sound: Sound) -> Hearing:
    heard = load_speech(sound.path, sound.start_seconds, sound.duration_seconds).sound.hearing
    assert heard is not None
    return heard


def _match(blocks: Iterable[Block], hearing: Hearing, num_channels: int) -> Iterator[Block]:
    for block in blocks:
        heard = mix_block(block, hearing.mixes)
        if len(heard) > hearing.num_channels:
            heard = heard.mean(axis=0, keepdims=True)
        yield Block(heard.repeat(num_channels // len(heard), axis=0), block.sampling_rate)
