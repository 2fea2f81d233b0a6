"""The voices of all who speak, on the video's time, and the sound that the video carries."""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

from pipeline.audio import choose_gain, load_speech
from pipeline.audio.part import check_part, choose_part
from pipeline.audio.tracks import cut_activity, cut_turns, place_activity, place_voice
from pipeline.dialogue import Turn, check_times
from pipeline.errors import InputError, InputTooLargeError, name_in_errors
from pipeline.notices import Notice
from pipeline.request import MAX_SECONDS, Inputs, Role, VideoRequest
from pipeline.types import SPEECH_SAMPLING_RATE, Floats, Sound, SoundMix, SoundPart, Speech

_TOLERATED_SECONDS = 1
"""Over the limit, as for one recording."""


@dataclass(frozen=True)
class Voice:
    """What one speaker says.

    Attributes:
        waveform: Mono samples (samples,) at 16 kHz on the video's time, silent where the speaker is.
        activity: Probability of speech in each video frame (num_frames,).
    """

    waveform: Floats
    activity: Floats


@dataclass(frozen=True)
class Voices:
    """What all speakers say, in their order; every waveform is as long as the others.

    Attributes:
        voices: Of each speaker.
        sound: What the video lets hear.
        notices: Warnings about the recordings.
    """

    voices: tuple[Voice, ...]
    sound: Sound | SoundMix
    notices: tuple[Notice, ...]


def load_voices(request: VideoRequest, inputs: Inputs, frame_rate: int) -> Voices:
    """Read the recordings that were given, and lay them on the video's time.

    Args:
        request: Says who speaks when. Start and length are those of the joined time.
        inputs: The recordings.
        frame_rate: Of the video, frames a second.

    Raises:
        InputError: A recording cannot be used, or the turns do not fit it.
    """
    roles = [cast("Role", speaker.audio) for speaker in request.speakers if speaker.audio is not None]
    if len(set(roles)) > 1 or (len(roles) > 1 and request.order == "in_turn"):
        return _join(request, [inputs[role] for role in roles], frame_rate)
    recording = inputs[roles[0]] if roles else inputs["audio"]
    speech = load_speech(recording, request.start_sec, request.max_duration_sec, frame_rate)
    return _share(request, speech, frame_rate)


def _share(request: VideoRequest, speech: Speech, frame_rate: int) -> Voices:
    """Let each speaker have the turns of one recording, or all of it where there are none."""
    whole = Voice(speech.waveform, speech.activity)
    turns = _place_turns(request, speech)
    if turns is None:
        return Voices((whole,) * max(len(request.speakers), 1), speech.sound, speech.notices)
    own = [tuple(turn for turn in turns if turn.speaker == number) for number in range(len(request.speakers))]
    voices = tuple(
        Voice(cut_turns(whole.waveform, some), cut_activity(whole.activity, some, frame_rate)) for some in own
    )
    return Voices(voices, speech.sound, speech.notices)


def _place_turns(request: VideoRequest, speech: Speech) -> tuple[Turn, ...] | None:
    """Return the turns on the time of the part that is used."""
    if request.turns is None:
        return None
    if request.turns == "auto":
        from pipeline.turns.find import find_turns

        return find_turns(speech.waveform, len(request.speakers))
    check_times(request.turns)
    for number, turn in enumerate(request.turns):
        if turn.end_sec > speech.total_seconds + 0.05:
            total = int(100 * speech.total_seconds) / 100
            raise InputError("turns.beyond_end", "turns", number=number, end=turn.end_sec, total=total)
    start = request.start_sec
    return tuple(Turn(turn.speaker, turn.start_sec - start, turn.end_sec - start) for turn in request.turns)


@dataclass(frozen=True)
class _Placed:
    """A speaker's recording on the joined time of all, in samples at 16 kHz."""

    speech: Speech
    offset: int

    @property
    def end(self) -> int:
        return self.offset + ceil(Fraction(self.speech.total_seconds) * SPEECH_SAMPLING_RATE)


def _join(request: VideoRequest, paths: list[Path], frame_rate: int) -> Voices:
    """Lay recordings beside or behind one another."""
    part = choose_part(request.start_sec, request.max_duration_sec)
    placed = _place(request, paths, frame_rate)
    total = max(one.end for one in placed)
    start = round(part.start_seconds * SPEECH_SAMPLING_RATE)
    end = min(total, start + ceil(part.max_seconds * SPEECH_SAMPLING_RATE)) if request.max_duration_sec else total
    used = Fraction(max(end - start, 0), SPEECH_SAMPLING_RATE)
    check_part(part, used, Fraction(total, SPEECH_SAMPLING_RATE))
    num_samples = end - start
    voices = tuple(
        Voice(
            place_voice(one.speech.waveform, one.offset - start, num_samples),
            place_activity(one.speech.activity, one.offset - start, num_samples, frame_rate),
        )
        for one in placed
    )
    notices = tuple(notice.name("speaker", n) for n, one in enumerate(placed) for notice in one.speech.notices)
    return Voices(voices, _mix(placed, start, end), notices)


def _place(request: VideoRequest, paths: list[Path], frame_rate: int) -> list[_Placed]:
    """Read each recording; the same file is read once."""
    known: dict[Path, Speech] = {}
    placed: list[_Placed] = []
    for number, path in enumerate(paths):
        offset = placed[-1].end if placed and request.order == "in_turn" else 0
        with name_in_errors("speaker", number, "speakers"):
            # Whole, whatever part is used: a quiet beginning is not taken for a silent recording.
            speech = known.get(path) or load_speech(path, frame_rate=frame_rate)
        known[path] = speech
        placed.append(_Placed(speech, offset))
        if placed[-1].end > (MAX_SECONDS + _TOLERATED_SECONDS) * SPEECH_SAMPLING_RATE:
            seconds = placed[-1].end // SPEECH_SAMPLING_RATE
            raise InputTooLargeError("speakers.too_long", "speakers", seconds=seconds, limit=int(MAX_SECONDS))
    return placed


def _mix(placed: list[_Placed], start: int, end: int) -> SoundMix:
    """Return what is heard between two samples; a file that two speakers share is heard once."""
    parts: dict[tuple[Path, int], SoundPart] = {}
    for one in placed:
        first, last = max(one.offset, start), min(one.offset + len(one.speech.waveform), end)
        if last > first:
            skipped, length = first - one.offset, last - first
            sound = replace(
                one.speech.sound,
                start_seconds=skipped / SPEECH_SAMPLING_RATE,
                duration_seconds=length / SPEECH_SAMPLING_RATE,
            )
            parts[sound.path, one.offset] = SoundPart(sound, (first - start) / SPEECH_SAMPLING_RATE)
    mix = SoundMix(tuple(parts.values()), (end - start) / SPEECH_SAMPLING_RATE)
    return replace(mix, gain=choose_gain(mix))
