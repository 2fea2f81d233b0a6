"""Read an uploaded recording into the speech that an engine gets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from pipeline.audio.blocks import Block
from pipeline.audio.decode import Damage, decode_recording, list_tracks
from pipeline.audio.level import Level, check_level, find_clipping, raise_quiet
from pipeline.audio.mix import Layout, choose_mixes, get_gains, mix_block
from pipeline.audio.part import Part, check_part, choose_part, cut_part
from pipeline.audio.resample import resample
from pipeline.audio.speech import check_activity, count_speech_seconds, find_activity, find_spoken
from pipeline.errors import InputError, InputTooLargeError
from pipeline.notices import Notice
from pipeline.request import MIN_SECONDS
from pipeline.types import FRAME_RATE, SPEECH_SAMPLING_RATE, Floats, Hearing, Mix, Sound, Speech

_SPOKEN_SHARE = 0.25
_MUCH_MORE = 2.0
"""Another track than the one that players choose has to have so much more speech."""


def load_speech(
    path: Path, start_seconds: float = 0.0, max_duration_seconds: float | None = None, frame_rate: int = FRAME_RATE
) -> Speech:
    """Read the part of a recording that is to be spoken.

    Args:
        path: WAV, AIFF, AU, CAF, MP3, M4A, AAC, Ogg, Opus, FLAC, AC-3, DTS, AMR, or the sound of an MP4, MOV, 3GP,
            MKV, WebM, AVI, FLV, MPG or TS video. Of several tracks the one in which somebody speaks is taken.
        start_seconds: Where the part begins.
        max_duration_seconds: How long it may be at most; None takes the rest.
        frame_rate: Of the video, frames a second.

    Raises:
        InputError: It is no recording, too short, or silent.
        InputTooLargeError: It has too many bytes or seconds.
    """
    part = choose_part(start_seconds, max_duration_seconds)
    tracks = list_tracks(path)
    speech, refusal = None, InputError("audio.unreadable", "audio")
    for track in tracks:
        try:
            found = _listen(path, part, track, frame_rate)
        except InputTooLargeError:
            raise
        except InputError as error:
            refusal = error if track == tracks[0] else refusal
            continue
        speech = found if speech is None or _is_better(found, speech, frame_rate) else speech
        if count_speech_seconds(speech.activity, frame_rate) > _SPOKEN_SHARE * speech.sound.duration_seconds:
            break
    if speech is None:
        raise refusal
    return _tell_track(speech, tracks[0])


def _is_better(found: Speech, before: Speech, frame_rate: int) -> bool:
    now, then = (count_speech_seconds(speech.activity, frame_rate) for speech in (found, before))
    return now > _MUCH_MORE * then


def _tell_track(speech: Speech, players_track: int) -> Speech:
    """Say where another track is used than players would choose."""
    if speech.sound.hearing is None or speech.sound.hearing.track == players_track:
        return speech
    notice = Notice("audio.other_track", "audio", {"track": speech.sound.hearing.track + 1})
    return replace(speech, notices=(notice, *speech.notices))


def _listen(path: Path, part: Part, track: int, frame_rate: int) -> Speech:
    """Read one track."""
    recording = _read_recording(path, part, track)
    if mixes := choose_mixes(recording.levels):
        recording = _read_recording(path, part, track, mixes)
    if recording.total_seconds < MIN_SECONDS and recording.damage.notices:
        raise InputError("audio.unreadable", "audio")
    check_part(part, recording.part_seconds, recording.total_seconds)
    raised = raise_quiet(recording.waveform)
    activity = find_activity(raised.waveform, frame_rate)
    notices = (
        *find_clipping(recording.levels.values()),
        *check_level(raised, find_spoken(activity, frame_rate)),
        *check_activity(activity, frame_rate),
        *recording.damage.notices,
    )
    hearing = Hearing(track, recording.sampling_rate, recording.num_channels, mixes)
    sound = Sound(path, float(part.start_seconds), float(recording.part_seconds), hearing)
    return Speech(raised.waveform, sound, float(recording.total_seconds), activity, notices)


@dataclass
class _Recording:
    """What one pass over a track finds."""

    waveform: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    part_seconds: Fraction = Fraction(0)
    total_seconds: Fraction = Fraction(0)
    sampling_rate: int = 0
    num_channels: int = 1
    levels: dict[Layout, Level] = field(default_factory=dict)
    damage: Damage = field(default_factory=Damage)


def _read_recording(path: Path, part: Part, track: int, mixes: tuple[Mix, ...] = ()) -> _Recording:
    """Decode a track once."""
    recording = _Recording()
    blocks = _count_seconds(decode_recording(path, recording.damage, track), recording)
    pieces = list(resample(_mix(cut_part(blocks, part), mixes, recording), SPEECH_SAMPLING_RATE))
    for _ in blocks:  # what follows the part is only counted
        pass
    recording.waveform = _join(pieces, ceil(recording.part_seconds * SPEECH_SAMPLING_RATE))
    return recording


def _count_seconds(blocks: Iterable[Block], recording: _Recording) -> Iterator[Block]:
    for block in blocks:
        recording.total_seconds += block.seconds
        yield block


def _mix(blocks: Iterable[Block], mixes: tuple[Mix, ...], recording: _Recording) -> Iterator[Block]:
    for block in blocks:
        heard = mix_block(block, mixes)
        level = recording.levels.setdefault(block.layout, Level())
        level.add(block, heard, get_gains(block.layout).mean(axis=0))
        recording.part_seconds += block.seconds
        recording.sampling_rate = max(recording.sampling_rate, block.sampling_rate)
        recording.num_channels = max(recording.num_channels, len(heard))
        yield Block(heard.mean(axis=0)[None], block.sampling_rate)


def _join(pieces: list[Floats], num_samples: int) -> Floats:
    """Return the pieces as one waveform, with silence for what the last sample lacks of them."""
    waveform = np.zeros(num_samples, np.float32)
    start = 0
    for piece in pieces:
        samples = piece[0, : num_samples - start]
        waveform[start : start + len(samples)] = samples
        start += len(samples)
    return waveform
