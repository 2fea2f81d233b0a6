"""The person's own sound, as the video carries it."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from pipeline.audio.blocks import Block
from pipeline.audio.decode import decode_recording
from pipeline.audio.load import load_speech
from pipeline.audio.mix import mix_block
from pipeline.audio.part import Part, cut_part
from pipeline.audio.resample import resample
from pipeline.types import Hearing, Sound, SoundTrack

_TRACK_RATES = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
"""Rates that AAC knows and every browser plays."""


def read_sound(sound: Sound) -> SoundTrack:
    """Return the part that is used at its own rate and with its own channels, decoded while it is read.

    What is heard is what the engine hears. More than two channels become stereo. A rate that AAC does not have becomes
    the next higher one, 48 kHz at most.

    Raises:
        InputError: It is no recording.
    """
    hearing = sound.hearing or _listen(sound)
    sampling_rate = next((rate for rate in _TRACK_RATES if rate >= hearing.sampling_rate), _TRACK_RATES[-1])
    part = Part(Fraction(sound.start_seconds), Fraction(sound.duration_seconds))
    blocks = cut_part(decode_recording(sound.path, track=hearing.track), part)
    return SoundTrack(sampling_rate, hearing.num_channels, resample(_match(blocks, hearing), sampling_rate))


def _listen(sound: Sound) -> Hearing:
    heard = load_speech(sound.path, sound.start_seconds, sound.duration_seconds).sound.hearing
    assert heard is not None
    return heard


def _match(blocks: Iterable[Block], hearing: Hearing) -> Iterator[Block]:
    for block in blocks:
        heard = mix_block(block, hearing.mixes)
        if len(heard) > hearing.num_channels:
            heard = heard.mean(axis=0, keepdims=True)
        yield Block(heard.repeat(hearing.num_channels // len(heard), axis=0), block.sampling_rate)
