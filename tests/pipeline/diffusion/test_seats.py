"""Who sits where and when, and hears whom."""

import numpy as np
import pytest
import torch

from pipeline.diffusion.people import (
    BACKGROUND,
    attention_to_masks,
    mask_tokens,
    query_positions,
    seat_people,
)
from pipeline.diffusion.seats import (
    SILENCE,
    SeatPlan,
    clip_seats,
    find_latent_frames,
    find_voices,
    plan_seats,
    seat_tracks,
)
from pipeline.types import Floats

FRAME = 640  # samples


def speak(num_frames: int, *turns: tuple[int, int], level: float = 0.1) -> Floats:
    """Return noise in these video frames, and true silence elsewhere."""
    random = np.random.default_rng(0)
    waveform = np.zeros(num_frames * FRAME, np.float32)
    for start, stop in turns:
        waveform[start * FRAME : stop * FRAME] = level * random.standard_normal((stop - start) * FRAME)
    return waveform


def plan(*waveforms: Floats, bystanders: bool = False) -> SeatPlan:
    voices = np.stack(waveforms)
    activities = np.abs(voices.reshape(len(voices), -1, FRAME)).max(axis=2) > 0
    return plan_seats(find_voices(voices, activities.astype(np.float32)), has_bystanders=bystanders)


def at(plan: SeatPlan, frame: int) -> tuple[list[int], list[int]]:
    index = find_latent_frames(frame + 1)[-1]
    return plan.seats[index].tolist(), plan.voices[index].tolist()


def test_two_speakers_keep_their_seats_and_hear_themselves_all_the_time() -> None:
    pair = plan(speak(100, (60, 90)), speak(100, (0, 30), (50, 70)))
    assert (pair.seats == [0, 1]).all()
    assert (pair.voices == [0, 1]).all()


def test_bystanders_of_one_speaker_hear_silence() -> None:
    crowd = plan(speak(100, (10, 90)), bystanders=True)
    assert (crowd.seats == [0, 1]).all()
    assert (crowd.voices == [0, SILENCE]).all()


def test_three_in_turn_have_a_seat_when_they_speak_and_silence_when_they_do_not() -> None:
    trio = plan(speak(200, (0, 50), (150, 190)), speak(200, (60, 100)), speak(200, (110, 140)))
    assert at(trio, 30) == ([0, 1, 1], [0, SILENCE])
    assert at(trio, 80) == ([0, 1, 0], [SILENCE, 1])
    for frame, speaker in ((125, 2), (170, 0)):
        seats, voices = at(trio, frame)
        assert voices[seats[speaker]] == speaker
        assert [seats[other] for other in range(3) if other != speaker] == [1 - seats[speaker]] * 2


def test_seats_change_in_pauses_only() -> None:
    voices = [speak(300, (0, 60), (200, 260)), speak(300, (70, 130)), speak(300, (140, 190)), speak(300, (100, 120))]
    four = plan(*voices, bystanders=True)
    frames = find_latent_frames(300)
    for speaker, waveform in enumerate(voices):
        is_heard = np.abs(waveform.reshape(-1, FRAME)).max(axis=1) > 0
        for run in np.split(np.flatnonzero(is_heard), np.flatnonzero(np.diff(np.flatnonzero(is_heard)) > 1) + 1):
            seats = four.seats[frames[run], speaker]
            assert len(set(seats.tolist())) == 1
            assert (four.voices[frames[run], seats[0]] == speaker).all()


def test_nobody_else_sits_with_two_who_speak_at_once() -> None:
    both = plan(speak(100, (0, 90)), speak(100, (40, 90)), bystanders=True)
    assert at(both, 20) == ([0, 1, 1], [0, SILENCE])
    assert at(both, 60) == ([0, 1, BACKGROUND], [0, 1])


def test_of_three_at_once_the_loudest_two_are_heard() -> None:
    three = plan(speak(100, (0, 90), level=0.02), speak(100, (0, 90)), speak(100, (40, 90)))
    seats, voices = at(three, 60)
    assert sorted(voices) == [1, 2]
    assert seats[0] == BACKGROUND


def test_what_is_loud_is_a_voice_even_if_it_is_no_speech() -> None:
    song = speak(50, (10, 40))
    voices = find_voices(song[None], np.zeros((1, 50), np.float32))
    assert voices.speaking[0, find_latent_frames(41)[10:]].all()
    assert not find_voices(np.zeros_like(song)[None], np.ones((1, 50), np.float32)).speaking.any()


def test_a_seat_hears_each_speaker_only_while_he_holds_it() -> None:
    trio = plan(speak(200, (0, 50)), speak(200, (60, 100)), speak(200, (110, 140)))
    tracks = torch.stack(seat_tracks(trio, 200, lambda speaker: torch.full((200, 1, 1), float(speaker))))[..., 0, 0]
    expected = trio.voices[find_latent_frames(200)].T
    assert np.array_equal(tracks.numpy(), expected)
    assert {0.0, 1.0, 2.0, -1.0} == set(tracks.flatten().tolist())


def test_a_clip_has_its_part_of_the_seats_and_the_last_ones_beyond_the_end() -> None:
    seats = torch.arange(40)[:, None]
    assert clip_seats(seats, 72, 21)[:, 0].tolist() == list(range(18, 39))
    assert clip_seats(seats, 144, 6)[:, 0].tolist() == [36, 37, 38, 39, 39, 39]


@pytest.fixture
def attention() -> torch.Tensor:
    """What 4 x 6 tokens of three latent frames give to four people and the background."""
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(1, 72, 2, 8, generator=generator), torch.randn(1, 24, 2, 8, generator=generator)
    return attention_to_masks(query, key, draw_masks())


def draw_masks() -> torch.Tensor:
    boxes = torch.zeros(4, 4, 6)
    for person, (row, column) in enumerate([(0, 0), (0, 3), (2, 0), (2, 4)]):
        boxes[person, row : row + 2, column : column + 2] = 1
    return mask_tokens(boxes, 4, 6)


def test_a_seat_is_the_mask_of_all_who_sit_there_at_that_time(attention: torch.Tensor) -> None:
    masks, frames = draw_masks(), torch.arange(3).repeat_interleave(24)
    seats = torch.tensor([[0, 1, 1, 1], [1, 0, 1, 1], [0, 1, 2, 2]])
    positions = query_positions(attention, seat_people(masks, seats).weights, frames)
    for frame, row in enumerate(seats):
        # As the two people of whom one is this seat's and one the other's, all the time.
        joined = torch.stack([masks[:4][row == seat].sum(0) for seat in (0, 1)]).view(2, 4, 6)
        pair = mask_tokens(joined, 4, 6)
        weights = seat_people(pair, torch.tensor([[0, 1]]).expand(3, -1)).weights
        sums = torch.stack(
            [attention[0][torch.tensor([*(row == seat).tolist(), seat == 2])].sum(0) for seat in range(3)]
        )[None]
        expected = query_positions(sums, weights, frames)
        torch.testing.assert_close(positions[:, frames == frame], expected[:, frames == frame])
    assert positions.ge(0).all()
    assert {int(value // 12) for value in positions.flatten().tolist()} == {0, 1}
