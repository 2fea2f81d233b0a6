"""Which file is whose voice, and whether that makes a request: checked before any file is opened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from pipeline.dialogue import SpeakerRequest, check_faces
from pipeline.engines import get_engine_spec, get_profile
from pipeline.errors import InputError
from pipeline.notices import Field
from pipeline.request import VOICE_ROLES, FrameRequest, Role, VideoRequest

_SHOWN = 40

AnyFile = TypeVar("AnyFile")


def assign_voices(
    speakers: Sequence[SpeakerRequest], files: Mapping[str, AnyFile]
) -> tuple[tuple[SpeakerRequest, ...], dict[Role, AnyFile]]:
    """Give the files that speakers name their roles; two may name the same one.

    Args:
        speakers: Who name their files as the client has.
        files: What came, by those names, without the photo.

    Returns:
        The speakers, who name the roles of their files, and the files by their roles. A file `audio` that nobody names
        is the one recording of all.

    Raises:
        InputError: A file is missing, or nobody names it.
    """
    names = list(dict.fromkeys(speaker.audio for speaker in speakers if speaker.audio is not None))
    roles = dict(zip(names, VOICE_ROLES, strict=False))
    for number, speaker in enumerate(speakers):
        if speaker.audio is not None and speaker.audio not in files:
            raise InputError("speakers.file_missing", "speakers", number=number, name=speaker.audio[:_SHOWN])
    if unused := [name for name in files if name not in roles and name != "audio"]:
        raise InputError("speakers.file_unused", "speakers", name=unused[0][:_SHOWN])
    given: dict[Role, AnyFile] = {roles[name]: files[name] for name in names}
    if "audio" in files and "audio" not in roles:
        given["audio"] = files["audio"]
    cast = tuple(replace(one, audio=None if one.audio is None else roles[one.audio]) for one in speakers)
    return cast, given


def check_cast(request: FrameRequest) -> None:
    """Check who is to talk, before the photo is known.

    Raises:
        InputError: They are more than the profile's model lets talk, or are named in two ways.
    """
    count, spec = len(request.speakers), get_engine_spec(get_profile(request.profile).model)
    if count > spec.max_speakers:
        code, most = "speakers.too_many_for_profile", spec.max_speakers
        raise InputError(code, "speakers", count=count, most=most, profile=request.profile)
    check_faces([speaker.face for speaker in request.speakers])
    if count and request.face is not None:
        raise InputError("speakers.and_face", "speakers")


def check_speakers(request: VideoRequest, roles: Collection[str]) -> None:
    """Check that speakers, voices, order and turns fit one another.

    Args:
        request: Whose speakers name the roles of their files.
        roles: Of the files that there are.

    Raises:
        InputError: They do not.
    """
    own = [speaker.audio is not None for speaker in request.speakers]
    check_cast(request)
    if any(own):
        _check_own_voices(request, own, roles)
        return
    if request.order != "together":
        raise InputError("order.no_voices", "order")
    if request.turns is not None and not request.speakers:
        raise InputError("turns.no_speakers", "turns")
    if request.speakers and "audio" not in roles:
        raise InputError("speakers.no_voice", "speakers")
    if len(own) > 1 and request.turns is None:
        raise InputError("speakers.no_turns", "speakers", count=len(own))
    _check_turns(request)


def find_field(role: Role) -> Field:
    """Return the request's field that a file of that role belongs to."""
    return role if role in {"image", "audio"} else "speakers"


def _check_own_voices(request: VideoRequest, own: list[bool], roles: Collection[str]) -> None:
    if not all(own):
        raise InputError("speakers.some_voices", "speakers", number=own.index(False))
    if "audio" in roles:
        raise InputError("speakers.voice_twice", "speakers")
    if request.turns is not None:
        raise InputError("turns.with_voices", "turns")
    for number, speaker in enumerate(request.speakers):
        if speaker.audio not in roles:
            raise InputError("speakers.file_missing", "speakers", number=number, name=str(speaker.audio)[:_SHOWN])


def _check_turns(request: VideoRequest) -> None:
    if isinstance(request.turns, tuple):
        count = len(request.speakers)
        for number, turn in enumerate(request.turns):
            if not 0 <= turn.speaker < count:
                raise InputError("turns.no_speaker", "turns", number=number, named=turn.speaker, count=count)
