"""The person's own sound, as the video carries it."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from pipeline.audio.decode import Block, decode_recording
from pipeline.audio.part import Part, cut_part
from pipeline.audio.resample import resample
from pipeline.types import Sound, SoundTrack

_STEREO = 2
_TRACK_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Rates that AAC knows and every browser plays."""


def read_sound(sound: Sound) -> SoundTrack:
    """Return the part that is used at its own rate and with its own channels, decoded while it is read.

    More than two channels become one. A rate that AAC does not have becomes the next higher one, 48 kHz at most.

    Raises:
        InputError: It is no recording.
    """
    first = next(iter(decode_recording(sound.path)))
    sampling_rate = next((rate for rate in _TRACK_RATES if rate >= first.sampling_rate), _TRACK_RATES[-1])
    num_channels = _STEREO if len(first.samples) == _STEREO else 1
    blocks = cut_part(
        decode_recording(sound.path), Part(Fraction(sound.start_seconds), Fraction(sound.duration_seconds))
    )
    return SoundTrack(sampling_rate, num_channels, resample(_match(blocks, num_channels), sampling_rate))


def _match(blocks: Iterable[Block], num_channels: int) -> Iterator[Block]:
    for block in blocks:
        if len(block.samples) == num_channels:
            yield block
        else:
            mixed = block.samples.mean(axis=0, keepdims=True).repeat(num_channels, axis=0)
            yield Block(mixed, block.sampling_rate)
