"""What cannot be asked of several speakers, and what is said to it: the same at every door."""

import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Json: TypeAlias = Any

A, B, MISSING = "a", "b", "missing"
"""Voices of the speakers' own, and one that never comes. What they are called is up to the door."""


@dataclass(frozen=True)
class Bad:
    """A request that is refused.

    Attributes:
        sentence: Part of what is said.
        about: The field.
        speakers: Face and own voice of each, or anything else.
        turns: As they are sent.
        has_recording: Whether there is one recording of all.
        options: What else is asked for.
    """

    sentence: str
    about: str
    speakers: Json = ()
    turns: Json = None
    has_recording: bool = False
    options: dict[str, Json] = field(default_factory=dict)

    @property
    def voices(self) -> list[str]:
        """The voices of their own that are sent."""
        named = [speaker[1] for speaker in self.speakers if isinstance(speaker, tuple) and len(speaker) > 1]
        return sorted({voice for voice in named if voice in {A, B}})

    def spell_speakers(self, voice_field: str, names: dict[str, str]) -> Json:
        """Return the speakers as JSON that calls the voices so."""
        if not isinstance(self.speakers, tuple):
            return self.speakers
        return [self._spell(speaker, voice_field, names) for speaker in self.speakers]

    @staticmethod
    def _spell(speaker: Json, voice_field: str, names: dict[str, str]) -> Json:
        if not isinstance(speaker, tuple):
            return speaker
        face, *voice = speaker
        own = {voice_field: names[voice[0]]} if voice else {}
        return {"face": face} | own


def turn(speaker: Json, start: Json, end: Json) -> dict[str, Json]:
    return {"speaker": speaker, "start_sec": start, "end_sec": end}


IN_TURN = {"order": "in_turn"}
BOTH, PAIR = ((0,), (1,)), ((0, A), (1, B))
BAD = {
    "five people": Bad("at most 4 speakers, got 5", "speakers", tuple((n, A) for n in range(5))),
    "a face twice": Bad("Face 1 is to speak twice", "speakers", ((1, A), (1, B))),
    "a face that is not there": Bad("There is no face number 7: 2 found", "speakers", ((0, A), (7, B))),
    "a face that is none": Bad("Speaker 0: expected a whole number", "speakers", ((0.5, A), (1, B))),
    "a face that is true": Bad("Speaker 1: expected a whole number", "speakers", ((0, A), (True, B))),
    "no face": Bad("Speaker 0 has no face", "speakers", ({}, (1, B))),
    "no list": Bad("Expected speakers as a list", "speakers", {"face": 0}, has_recording=True),
    "no objects": Bad("Expected speaker 0 as an object", "speakers", (0, 1), has_recording=True),
    "an unknown field": Bad("has a field mouth", "speakers", ({"face": 0, "mouth": 1}, (1, B))),
    "some with a voice": Bad("Speaker 1 has no voice", "speakers", ((0, A), (1,))),
    "voices twice": Bad("one recording of all as well", "speakers", PAIR, has_recording=True),
    "no voice": Bad("There is no voice", "speakers", BOTH, [turn(0, 0, 1)]),
    "no turns": Bad("Say in turns who speaks when", "speakers", BOTH, has_recording=True),
    "face and speakers": Bad("either by face or by speakers", "speakers", PAIR, options={"face": 1}),
    "turns with voices": Bad("there are no turns in one recording", "turns", PAIR, "auto"),
    "turns of nobody": Bad("Turns need speakers", "turns", (), [turn(0, 0, 1)], has_recording=True),
    "no turns in the list": Bad("Expected 1 to 2100 turns, got 0", "turns", BOTH, [], has_recording=True),
    "turns of words": Bad("Expected turns as a list", "turns", BOTH, "often", has_recording=True),
    "beyond the end": Bad("Turn 1 ends at 9.0 s", "turns", BOTH, [turn(0, 0, 1), turn(1, 1, 9)], has_recording=True),
    "overlapping": Bad("turns 1 and 0 overlap", "turns", BOTH, [turn(0, 0.5, 1), turn(1, 0, 0.6)], has_recording=True),
    "backwards": Bad("Turn 0 goes from 1.0 to 0.5", "turns", BOTH, [turn(0, 1, 0.5)], has_recording=True),
    "before the beginning": Bad("Turn 0 goes from -1.0", "turns", BOTH, [turn(0, -1, 0.5)], has_recording=True),
    "NaN": Bad("Turn 0 begins or ends at no number", "turns", BOTH, [turn(0, 0, float("nan"))], has_recording=True),
    "infinite": Bad("Turn 0 begins or ends at no", "turns", BOTH, [turn(0, 0, float("inf"))], has_recording=True),
    "a time that is a text": Bad("Turn 0: expected seconds", "turns", BOTH, [turn(0, "0", 1)], has_recording=True),
    "a stranger's turn": Bad("Turn 0 is of speaker 2", "turns", BOTH, [turn(2, 0, 1)], has_recording=True),
    "order with turns": Bad(
        "The order is that of recordings", "order", BOTH, [turn(0, 0, 1)], has_recording=True, options=IN_TURN
    ),
    "order of one": Bad("The order is that of recordings", "order", (), has_recording=True, options=IN_TURN),
}  # fmt: skip
A_MISSING_FILE = Bad("Speaker 1 names the file", "speakers", ((0, A), (1, MISSING)))
"""Where files are named: in JSON they are not."""


def dump(value: Json) -> str:
    """Return JSON text, or the text itself."""
    return value if isinstance(value, str) else json.dumps(value)
