"""Who is to speak and when, as a request says it: read from JSON alike at every door.

Needs nothing but Python itself, so that a machine that only deploys can read it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import pairwise
from typing import Any, Literal, TypeVar

from pipeline.errors import InputError
from pipeline.notices import Field

Order = Literal["together", "in_turn"]

MAX_SPEAKERS = 4
MAX_TURNS = 2_100
_MOST_FACES = 10_000
"""No photo has so many; a larger number is a mistake, and may have a million digits."""
_MOST_SECONDS = 1e6
_SHOWN = 40

_SPEAKERS_LIKE = '[{"face": 0, "audio": "voice_a"}, {"face": 1, "audio": "voice_b"}]'
_TURNS_LIKE = '[{"speaker": 0, "start_sec": 0.0, "end_sec": 2.5}], or "auto"'


@dataclass(frozen=True)
class SpeakerRequest:
    """Somebody who is to speak.

    Attributes:
        face: Number of the face, from `POST /face-crop`.
        audio: Name of the file with the voice; None where one recording has all voices.
    """

    face: int
    audio: str | None = None


@dataclass(frozen=True)
class Turn:
    """When a speaker has the word.

    Attributes:
        speaker: Index into the speakers.
        start_sec: On the time of the recording.
        end_sec: Likewise.
    """

    speaker: int
    start_sec: float
    end_sec: float


_Entry = TypeVar("_Entry")


def parse_speakers(value: Any, kind: type[_Entry]) -> tuple[_Entry, ...]:  # noqa: ANN401 - any JSON
    """Return the speakers that JSON, or its text, names.

    Args:
        value: A list of objects; None and an empty text name nobody.
        kind: The dataclass of a speaker, whose fields are the names that an object may have.

    Raises:
        InputError: It is no such list, or names too many or somebody twice.
    """
    entries = _parse_list(value, "speakers", _SPEAKERS_LIKE)
    if len(entries) > MAX_SPEAKERS:
        raise InputError("speakers.too_many", "speakers", count=len(entries), most=MAX_SPEAKERS)
    speakers = tuple(_parse_entry(entry, number, kind, "speakers") for number, entry in enumerate(entries))
    check_faces([speaker.face for speaker in speakers])  # type: ignore[attr-defined] # each kind has one
    return speakers


def parse_turns(value: Any) -> tuple[Turn, ...] | Literal["auto"] | None:  # noqa: ANN401 - any JSON
    """Return the turns that JSON, or its text, names; None where it names none.

    Raises:
        InputError: It is neither a list of turns nor `auto`, or names impossible ones.
    """
    if value == "auto":
        return "auto"
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    entries = _parse_list(value, "turns", _TURNS_LIKE)
    if not 0 < len(entries) <= MAX_TURNS:
        raise InputError("turns.number", "turns", count=len(entries), most=MAX_TURNS)
    turns = tuple(_parse_entry(entry, number, Turn, "turns") for number, entry in enumerate(entries))
    check_times(turns)
    return turns


def check_faces(faces: Sequence[int]) -> None:
    """Refuse a face that is to speak twice.

    Raises:
        InputError: One is.
    """
    for place, face in enumerate(faces):
        if face in faces[:place]:
            raise InputError("speakers.face_twice", "speakers", index=face)


def check_times(turns: Sequence[Turn]) -> None:
    """Check what can be checked of turns before the recording is known.

    Raises:
        InputError: A turn ends before it begins, or overlaps another.
    """
    for number, turn in enumerate(turns):
        if not (math.isfinite(turn.start_sec) and math.isfinite(turn.end_sec)):
            raise InputError("turns.no_number", "turns", number=number)
        if not 0 <= turn.start_sec < turn.end_sec:
            raise InputError("turns.backwards", "turns", number=number, start=turn.start_sec, end=turn.end_sec)
    in_order = sorted(range(len(turns)), key=lambda number: turns[number].start_sec)
    for before, after in pairwise(in_order):
        if turns[after].start_sec < turns[before].end_sec:
            raise InputError("turns.overlap", "turns", first=before, second=after)


def _parse_list(value: Any, about: Field, like: str) -> list[Any]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip() else []
            json.dumps(value, ensure_ascii=False).encode()  # half of a character cannot be told back
        except (ValueError, RecursionError):
            raise InputError(f"{about}.no_list", about, like=like, got="a text that is no JSON") from None
    value = [] if value is None else value
    if not isinstance(value, list | tuple):
        raise InputError(f"{about}.no_list", about, like=like, got=_name_kind(value))
    return list(value)


def _parse_entry(entry: Any, number: int, kind: type[_Entry], about: Field) -> _Entry:  # noqa: ANN401 - any JSON
    if isinstance(entry, kind):
        return entry
    if not isinstance(entry, Mapping):
        raise InputError(f"{about}.no_object", about, number=number, got=_name_kind(entry))
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type] # a dataclass
    given = {name: value for name, value in entry.items() if value is not None}
    if unknown := [name for name in given if name not in known]:
        names = ", ".join(known)
        raise InputError(f"{about}.unknown_name", about, number=number, name=str(unknown[0])[:_SHOWN], known=names)
    for name, field in known.items():
        if name not in given and field.default is MISSING:
            raise InputError(f"{about}.no_value", about, number=number, name=name)
    return kind(**{name: _parse_value(value, name, number, about) for name, value in given.items()})


def _parse_value(value: Any, name: str, number: int, about: Field) -> Any:  # noqa: ANN401 - any JSON
    """Return a value of an entry; what it must be follows from its name."""
    if name in {"face", "speaker"} and _is_number(value) and value == int(value) and 0 <= value < _MOST_FACES:
        return int(value)
    if name in {"start_sec", "end_sec"} and isinstance(value, float) and not math.isfinite(value):
        raise InputError("turns.no_number", about, number=number)
    if name in {"start_sec", "end_sec"} and _is_number(value):
        return float(value)
    if name.startswith("audio") and isinstance(value, str) and value:
        return value
    wanted = "a whole number from 0 on" if name in {"face", "speaker"} else _WANTED.get(name, "a text")
    raise InputError(f"{about}.wrong_value", about, number=number, name=name, wanted=wanted)


_WANTED = {"start_sec": "seconds", "end_sec": "seconds"}


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST_SECONDS < value < _MOST_SECONDS


def _name_kind(value: Any) -> str:  # noqa: ANN401 - any JSON
    kinds = {dict: "an object", bool: "true or false", int: "a number", float: "a number", str: "a text"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "something else")
