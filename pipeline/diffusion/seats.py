"""Who sits where and when: any number of people in the two seats of a model that knows two.

A seat has a voice. It is held by one speaker at a time, for as long as he speaks; whoever holds no seat sits with a
holder who is silent, and hears silence. While two speak there is no such seat, and the others belong to the background.
Nobody has published this for more than two: it keeps to what the model was trained for, one or two voices, and a place
for each.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from pipeline.diffusion.clips import FRAMES_PER_LATENT
from pipeline.diffusion.people import BACKGROUND
from pipeline.types import SPEECH_PROBABILITY, Floats

NUM_SEATS = 2
SILENCE = -1
# Against how loud the voice is otherwise: singing and shouting, which are not always found to be speech.
LOUD_SHARE = 0.1
LOUD_PERCENTILE = 95
# In latent frames, of 0.16 s: seats change in pauses that are longer, and neither at the first sound nor at the last.
LONGEST_GAP = 3
MARGIN = 1

Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Voices:
    """When people speak, in latent frames.

    Attributes:
        speaking: (speakers, latent frames).
        loudness: Of the utterance that a latent frame belongs to (speakers, latent frames), 0 where there is none.
    """

    speaking: Flags
    loudness: Floats


@dataclass(frozen=True)
class SeatPlan:
    """Who sits where in each latent frame of a video, and hears whom.

    Attributes:
        seats: (latent frames, people): the speakers and, where there are any, all bystanders as one.
        voices: (latent frames, 2): the speaker whom each seat hears, or `SILENCE`.
    """

    seats: Indices
    voices: Indices


def find_latent_frames(num_frames: int) -> Indices:
    """Return the latent frame of each video frame (num_frames,): the first holds one, each later one four."""
    return -(-np.arange(num_frames) // FRAMES_PER_LATENT)


def find_voices(waveforms: Floats, activities: Floats) -> Voices:
    """Find out when people speak, and how loudly.

    Args:
        waveforms: (speakers, samples), silent where a speaker is.
        activities: Probability of speech in each video frame (speakers, frames).
    """
    levels = np.stack([_measure_levels(waveform, activities.shape[1]) for waveform in waveforms])
    usual = np.array([np.percentile(one[one > 0], LOUD_PERCENTILE) if one.any() else 1.0 for one in levels])
    is_loud = levels > LOUD_SHARE * usual[:, None]
    is_spoken = ((activities > SPEECH_PROBABILITY) & (levels > 0)) | is_loud
    first_frames = np.flatnonzero(np.diff(find_latent_frames(activities.shape[1]), prepend=-1))
    speaking = np.logical_or.reduceat(is_spoken, first_frames, axis=1)
    levels = np.maximum.reduceat(levels, first_frames, axis=1)
    loudness = np.zeros_like(levels)
    for speaker, own in enumerate(speaking):
        for utterance in _find_utterances(own):
            loudness[speaker, utterance] = np.maximum(levels[speaker, utterance].mean(), loudness[speaker, utterance])
    return Voices(loudness > 0, loudness)


def _measure_levels(waveform: Floats, num_frames: int) -> Floats:
    """Return the root mean square of the samples of each video frame."""
    edges = np.linspace(0, len(waveform), num_frames + 1).astype(int)
    sums = np.diff(np.r_[0.0, np.cumsum(np.square(waveform, dtype=np.float64))][edges])
    levels: Floats = np.sqrt(np.maximum(sums, 0) / np.maximum(np.diff(edges), 1)).astype(np.float32)
    return levels


def _find_utterances(speaking: Flags) -> Iterator[slice]:
    """Yield where somebody speaks without a longer pause, with the margins."""
    indices = np.flatnonzero(speaking)
    if not len(indices):
        return
    for run in np.split(indices, np.flatnonzero(np.diff(indices) > LONGEST_GAP) + 1):
        yield slice(max(run[0] - MARGIN, 0), run[-1] + MARGIN + 1)


def plan_seats(voices: Voices, *, has_bystanders: bool) -> SeatPlan:
    """Give everybody a place at every time. Who has spoken keeps the seat until another needs it.

    Args:
        voices: Of the speakers. Of three who speak at once, the loudest two are heard.
        has_bystanders: Whether there are others in the picture, who never speak.
    """
    num_speakers, num_frames = voices.speaking.shape
    table = _Table(_choose_first_holders(voices.speaking), num_speakers + has_bystanders)
    rows = [table.seat(_find_loudest(voices.loudness[:, index]), index) for index in range(num_frames)]
    seats, heard = zip(*rows, strict=True)
    return SeatPlan(np.array(seats), np.array(heard))


def _find_loudest(loudness: Floats) -> list[int]:
    order = np.argsort(-loudness, kind="stable")[:NUM_SEATS]
    return [int(speaker) for speaker in order if loudness[speaker] > 0]


def _choose_first_holders(speaking: Flags) -> list[int]:
    """Return the two who speak first, in the order of the speakers; `SILENCE` for a seat that nobody holds."""
    never = speaking.shape[1]
    begins = [int(own.argmax()) if own.any() else never for own in speaking]
    first = sorted(sorted(range(len(begins)), key=begins.__getitem__)[:NUM_SEATS])
    return first + [SILENCE] * (NUM_SEATS - len(first))


class _Table:
    """Who sits where at the moment.

    Args:
        holders: The speaker who holds each seat.
        num_people: Speakers and bystanders.
    """

    def __init__(self, holders: list[int], num_people: int) -> None:
        self._holders = holders
        self._num_people = num_people
        self._others_seat = NUM_SEATS - 1
        self._own_seats = {holder: seat for seat, holder in enumerate(holders)}
        self._heard_at = [-1] * NUM_SEATS

    def seat(self, speaking: list[int], time: int) -> tuple[list[int], list[int]]:
        """Return the seat of each person, and whom each seat hears, while these speak."""
        for speaker in speaking:
            if speaker not in self._holders:
                self._take(speaker, speaking)
        silent = [seat for seat, holder in enumerate(self._holders) if holder not in speaking]
        for seat in set(range(NUM_SEATS)) - set(silent):
            self._heard_at[seat] = time
        others = [person for person in range(self._num_people) if person not in self._holders]
        if others and self._others_seat not in silent:
            self._others_seat = silent[0] if silent else BACKGROUND
        seats = [self._others_seat] * self._num_people
        for seat, holder in enumerate(self._holders):
            if holder != SILENCE:
                seats[holder] = seat
        # Where others sit with a holder, not even his breath is to be heard.
        is_shared = [bool(others) and self._others_seat == seat for seat in range(NUM_SEATS)]
        heard = [SILENCE if shared else holder for holder, shared in zip(self._holders, is_shared, strict=True)]
        return seats, heard

    def _take(self, speaker: int, speaking: list[int]) -> None:
        """Take the seat that this one had last, or the one whose holder has been silent for longest."""
        free = [seat for seat, holder in enumerate(self._holders) if holder not in speaking]
        own = self._own_seats.get(speaker)
        seat = own if own in free else min(free, key=self._heard_at.__getitem__)
        self._holders[seat] = speaker
        self._own_seats[speaker] = seat


def seat_tracks(plan: SeatPlan, num_frames: int, encode: Callable[[int], torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Put together what each seat hears.

    Args:
        plan: Whom.
        num_frames: Of the video.
        encode: Returns a speaker's speech features (num_frames, layers, channels), or those of `SILENCE`; called once
            for each.

    Returns:
        Speech features (num_frames, layers, channels) of each seat.
    """
    heard = torch.from_numpy(plan.voices[find_latent_frames(num_frames)])
    tracks: list[torch.Tensor] = []
    for speaker in sorted({int(speaker) for speaker in plan.voices.flat}):
        features = encode(speaker)
        tracks = tracks or [torch.empty_like(features) for _ in range(NUM_SEATS)]
        for seat, track in enumerate(tracks):
            is_heard = (heard[:, seat] == speaker).to(track.device)
            track[is_heard] = features[is_heard]
    return tuple(tracks)


def clip_seats(seats: torch.Tensor, start: int, num_latent_frames: int) -> torch.Tensor:
    """Cut a clip's latent frames out of a video's; beyond the end, the last one stays.

    Args:
        seats: (latent frames of the video, people).
        start: First video frame of the clip, a multiple of four.
        num_latent_frames: Of the clip.
    """
    indices = torch.arange(num_latent_frames) + start // FRAMES_PER_LATENT
    return seats[indices.clamp(max=len(seats) - 1).to(seats.device)]
